-- wrk: batches of 300-byte events with ids of their own, one in a hundred repeated. Set by the environment: BATCH, KEY, RUN.
local batch = tonumber(os.getenv("BATCH") or "100")
local run = os.getenv("RUN") or "r"
local n = 0
local head = {}
local tail = {}
for i = 1, 1000 do
  local openid = string.format("oBench%022d", i)
  tail[i] = string.format(
    '","account":"shop","identities":[{"kind":"openid","value":"%s"}],"kind":"read","item":{"kind":"article","id":"a%03d"},'
    .. '"value":%d,"occurred_at":"2026-01-10T10:%02d:%02d+08:00","properties":{"scene":"article","personal":{"city":"Shanghai"}}}',
    openid, i % 300, i % 240, i % 60, i % 60)
end

local function one()
  n = n + 1
  local id = n
  if n % 100 == 0 then id = n - 50 end
  return string.format('{"event_id":"%s-%09d-bench-event', run, id) .. tail[n % 1000 + 1]
end

request = function()
  local parts = {}
  for i = 1, batch do parts[i] = one() end
  return wrk.format("POST", "/v1/events", {["Authorization"] = "Bearer " .. (os.getenv("KEY") or ""),
    ["Content-Type"] = "application/json"}, "[" .. table.concat(parts, ",") .. "]")
end

done = function(summary, latency)
  io.write(string.format("RESULT %d %d %d %.0f %.0f\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout + summary.errors.connect,
    latency:percentile(50), latency:percentile(99)))
end
