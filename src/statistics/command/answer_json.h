#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "statistics/arm.h"
#include "statistics/interval.h"

/// What the answers of all statistics commands have in common. Pure, thread-safe.
namespace zhiyin::statistics {

/// One sentence an operator can read, in both languages.
struct Plain {
  std::string zh;
  std::string en;
};

/// Null where the value is not finite: an open end of an interval, infinite degrees of freedom.
inline Json number_json(double v) { return std::isfinite(v) ? Json(v) : Json(); }
inline Json interval_json(Interval i) {
  return Json(Json::Array{number_json(i.low), number_json(i.high)});
}
inline Json numbers_json(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double v : values) out.push(number_json(v));
  return out;
}
inline Json plain_json(const Plain& p) { return Json::object().set("zh", p.zh).set("en", p.en); }

/// `method`, `assumptions` and `plain`, which every answer has.
inline void describe(Json& answer, std::string_view method,
                     const std::vector<std::string_view>& assumptions, const Plain& plain) {
  Json list = Json::array();
  for (const std::string_view a : assumptions) list.push(Json(a));
  answer.set("method", method).set("assumptions", std::move(list)).set("plain", plain_json(plain));
}

/// `to_string` of a refusal, in Chinese.
std::string_view refusal_zh(Refusal refusal);

/// `2.3 %`; `0.04 %`: three digits that count, at most two decimals.
std::string percent_text(double share);
/// A probability, which is never said to be certain: `97.3 %`, `more than 99.9 %`.
Plain chance_text(double p);
/// A number with four digits that count.
std::string number_text(double v);
/// How many of 100 (or 1,000, 10,000) `p` is: `3 of 100`, `fewer than 1 of 10,000`.
Plain share_of_cases(double p);

}  // namespace zhiyin::statistics
