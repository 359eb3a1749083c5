// The emulated platform driven by wechat-api, which nobody here wrote, with only its base addresses changed.
// Argument: the program sandbox_probe. 77: skipped.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import dns from "node:dns";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

let API;
try {
  ({ default: API } = await import("wechat-api"));
} catch (e) {
  if (e.code !== "ERR_MODULE_NOT_FOUND") throw e;
  console.log("skipped: needs tests/sdks/node_modules (./dev setup test)");
  process.exit(77);
}

// No name but loopback is looked up or connected to.
const isLoopback = (host) => host === undefined || host === "127.0.0.1" || host === "localhost";
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => {
  assert(isLoopback(host), `a call to ${host}`);
  return lookup(host, ...rest);
};
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  assert(isLoopback(options?.host), `a call to ${options?.host}`);
  return connect.apply(this, args);
};

assert.throws(() => net.connect({ host: "198.51.100.1", port: 80 }), /a call to/);

const probe = spawn(process.argv[2], ["secure"], { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: probe.stdout })[Symbol.asyncIterator]();
const base = `http://127.0.0.1:${Number((await lines.next()).value)}`;
const account = await (await fetch(`${base}/sandbox/account`)).json();

const api = new API(account.app_id, account.app_secret);
api.endpoint = base;
api.mpPrefix = api.fileServerPrefix = `${base}/cgi-bin/`;

const call = (name, ...args) =>
  new Promise((resolve, reject) => api[name](...args, (error, result) => (error ? reject(error) : resolve(result))));
const refused = (code, name, ...args) => assert.rejects(call(name, ...args), (e) => e.code === code, `${name}: no error ${code}`);
const sandbox = async (path, body) => {
  const response = await fetch(base + path, { method: "POST", body: JSON.stringify(body) });
  assert.equal(response.status, 200, `${path}: ${await response.clone().text()}`);
  return response.json();
};

async function people() {
  const { data, total } = await call("getFollowers");
  assert.equal(data.openid.length, total);
  const [first, second] = data.openid;
  assert.equal((await call("getUser", first)).subscribe, 1);
  assert.equal((await call("batchGetUsers", [first, second])).user_info_list.length, 2);
  await call("updateRemark", first, "老客");
  assert.equal((await call("getUser", first)).remark, "老客");
  const { tag } = await call("createTag", "常客");
  await call("editTag", tag.id, "贵客");
  await call("membersBatchtagging", tag.id, [first, second]);
  assert.equal((await call("getTagUsers", tag.id, "")).count, 2);
  assert.deepEqual((await call("getUserTags", first)).tagid_list, [tag.id]);
  assert.equal((await call("getTags")).tags[0].name, "贵客");
  await call("membersBatchuntagging", tag.id, [second]);
  await refused(45157, "createTag", "贵客");
  await refused(45158, "createTag", "一二三四五六七八九十一");
  return data.openid;
}

async function files(folder) {
  const path = join(folder, "a.jpg");
  const picture = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(60, 1)]);
  writeFileSync(path, picture);
  const temporary = await call("uploadMedia", path, "image");
  assert.deepEqual(await call("getMedia", temporary.media_id), picture);
  assert.match((await call("uploadImage", path)).url, /mmbiz\.qpic\.cn/);
  const { media_id } = await call("uploadImageMaterial", path);
  const video = join(folder, "a.mp4");
  writeFileSync(video, "video");
  await call("uploadVideoMaterial", video, { title: "新品", introduction: "介绍" });
  assert.deepEqual(await call("getMaterialCount"), { voice_count: 0, video_count: 1, image_count: 1, news_count: 0 });
  assert.equal((await call("getMaterials", "image", 0, 20)).item[0].media_id, media_id);
  await call("removeMaterial", media_id);
  await refused(40007, "removeMaterial", media_id);
  return temporary.media_id;
}

async function messages(openids, picture) {
  await refused(45015, "sendText", openids[0], "您好");
  await sandbox("/sandbox/play", { account: "shop", kind: "say", openid: openids[0], text: "在吗" });
  await call("sendText", openids[0], "您好");
  await call("sendImage", openids[0], picture);
  await call("sendNews", openids[0], [{ title: "上新", description: "咖啡豆", url: "https://shop.example/", picurl: "" }]);
  const sent = await call("massSendText", "上新了", openids.slice(0, 20));
  assert.equal((await call("getMassMessageStatus", sent.msg_id)).msg_status, "SENDING");
  await call("previewText", openids[1], "预览");
  const { template_list: templates } = await call("getAllPrivateTemplate");
  const data = { character_string1: { value: "A1" }, thing2: { value: "咖啡豆" }, time3: { value: "2026-03-01" } };
  assert((await call("sendTemplate", openids[1], templates[0].template_id, "", data)).msgid > 0);
  await refused(47003, "sendTemplate", openids[1], templates[0].template_id, "", {});
  const added = await call("addTemplate", "TM00015");
  await call("delPrivateTemplate", added.template_id);
  await call("getIndustry");
}

async function menusAndCodes(openids) {
  const menu = { button: [{ type: "view", name: "商城", url: "https://shop.example/" }] };
  await call("createMenu", menu);
  assert.equal((await call("getMenu")).menu.button[0].name, "商城");
  assert.equal((await call("getMenuConfig")).is_menu_open, 1);
  const { tag } = await call("createTag", "菜单");
  const some = await call("createCustomMenu", { ...menu, matchrule: { tag_id: String(tag.id) } });
  await call("testCustomMenu", openids[0]);
  await call("removeCustomMenu", some.menuid);
  await call("removeMenu");
  await refused(46003, "getMenu");
  const code = await call("createTmpQRCode", 7, 600);
  assert.equal((await fetch(api.showQRCodeURL(encodeURIComponent(code.ticket)))).status, 200);
  await call("createLimitQRCode", "store_1");
  assert.equal((await fetch(api.showQRCodeURL("nothing"))).status, 404);
}

async function staffAndRest() {
  const name = `lili@${account.original_id}`;
  await call("addKfAccount", name, "李丽", "secret");
  assert.equal((await call("getCustomServiceList")).kf_list[0].kf_nick, "李丽");
  await call("deleteKfAccount", name);
  const config = await call("getJsConfig", { debug: false, jsApiList: ["chooseImage"], url: "https://shop.example/a" });
  assert.match(config.signature, /^[0-9a-f]{40}$/);
  assert((await call("getIp")).ip_list.length > 0);
  await call("getUserCumulate", "2026-02-22", "2026-02-27");
  await refused(61501, "getUserCumulate", "2026-01-01", "2026-02-27");
}

const folder = mkdtempSync(join(tmpdir(), "wechat-api-"));
try {
  const openids = await people();
  await messages(openids, await files(folder));
  await menusAndCodes(openids);
  await staffAndRest();
  console.log(`wechat-api: ${openids.length} followers, files, messages, menus, codes, staff, figures`);
} finally {
  rmSync(folder, { recursive: true });
  probe.stdin.end();
}
