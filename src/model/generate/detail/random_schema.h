#pragma once

#include <string>

#include "base/json.h"
#include "base/random.h"

namespace zhiyin::model {

/// A schema of the supported subset, drawn with `random`; small enough that a model without sense
/// comes to its end. For tests.
inline Json random_schema(Random& random, int depth = 3) {
  const auto pick = [&](std::uint64_t n) { return static_cast<int>(random.below(n)); };
  const int kind = pick(depth > 0 ? 10 : 7);
  switch (kind) {
    case 0: {
      const int least = pick(3);
      return Json().set("type", "string").set("minLength", least).set("maxLength", least + pick(8));
    }
    case 1: {
      const int low = pick(2000) - 1000;
      return Json().set("type", "integer").set("minimum", low).set("maximum", low + pick(5000));
    }
    case 2:
      return Json().set("type", "number").set("minimum", 0).set("maximum", 1 + pick(100));
    case 3:
      return Json().set("type", "boolean");
    case 4:
      return Json().set("enum", Json::Array{"热情", "a \"quoted\" \\ one", 7, nullptr, true});
    case 5:
      return Json().set("const", "固定\n值");
    case 6:
      return Json().set("type", Json::Array{"boolean", "null"});
    case 7: {
      const int least = pick(3);
      return Json()
          .set("type", "array")
          .set("items", random_schema(random, depth - 1))
          .set("minItems", least)
          .set("maxItems", least + pick(3));
    }
    case 8:
      return Json().set(
          "anyOf", Json::Array{random_schema(random, depth - 1), random_schema(random, depth - 1)});
    default:
      break;
  }
  Json properties = Json::object();
  Json required = Json::array();
  constexpr const char* kNames[] = {"title", "标题", "points", "a\"b", "价格", "ok"};
  for (int i = pick(5); i >= 0; --i) {
    properties.set(kNames[i], random_schema(random, depth - 1));
    if (pick(2) == 0) required.push(kNames[i]);
  }
  return Json()
      .set("type", "object")
      .set("properties", std::move(properties))
      .set("required", std::move(required))
      .set("additionalProperties", false);
}

}  // namespace zhiyin::model
