#pragma once

#include <fmt/format.h>

#include <map>
#include <set>
#include <string>

#include "base/mutex.h"
#include "sandbox/openapi.h"
#include "sandbox/platform.h"

namespace zhiyin::sandbox {

/// Watches a platform: whatever it answers must be described, member by member. Thread-safe.
class AnswerCheck {
 public:
  /// `platform` must answer nothing any more when the check ends.
  explicit AnswerCheck(Platform& platform) {
    for (const Family family : {Family::kOfficial, Family::kWecom, Family::kAds})
      documents_[family] = describe_platform(family);
    platform.watch([this](const Endpoint& e, const PlatformAnswer& answer) { look(e, answer); });
  }

  /// What was answered and is not described, or not so: `/cgi-bin/x: data.y is no string`.
  [[nodiscard]] std::set<std::string> faults() const {
    MutexLock lock(mutex_);
    return faults_;
  }

 private:
  static const Json& schema_of(const Json& item) {
    const Json& operation = item.find("post") != nullptr ? item["post"] : item["get"];
    return operation["responses"]["200"]["content"]["application/json"]["schema"];
  }
  static std::string below(const std::string& where, std::string_view name) {
    return where.empty() ? std::string(name) : fmt::format("{}.{}", where, name);
  }
  static bool is_of(const Json& value, std::string_view type) {
    if (type == "number") return value.is_number();
    return value.type_name() == type;
  }

  void look(const Endpoint& endpoint, const PlatformAnswer& answer) {
    if (!answer.content_type.empty() || answer.status != 200) return;
    MutexLock lock(mutex_);
    const Json& item = documents_.at(endpoint.family)["paths"][endpoint.path];
    walk(schema_of(item), answer.body, "", std::string(endpoint.path));
  }
  void walk(const Json& schema, const Json& value, const std::string& where,
            const std::string& path) ZHIYIN_REQUIRES(mutex_) {
    const std::string_view type = schema["type"].string_or("");
    if (schema.find("not") != nullptr || (!type.empty() && !is_of(value, type))) {
      faults_.insert(fmt::format("{}: {} is no {}", path, where, type));
      return;
    }
    if (const Json::Array* list = value.if_array(); list != nullptr && !type.empty()) {
      for (const Json& one : *list) walk(schema["items"], one, where + "[]", path);
    }
    const Json* properties = schema.find("properties");
    if (value.if_object() == nullptr || properties == nullptr) return;
    for (const auto& [name, one] : *value.if_object()) {
      if (properties->find(name) == nullptr) {
        faults_.insert(fmt::format("{}: {} is not described", path, below(where, name)));
      } else {
        walk((*properties)[name], one, below(where, name), path);
      }
    }
  }

  mutable Mutex mutex_;
  std::map<Family, Json> documents_;
  std::set<std::string> faults_ ZHIYIN_GUARDED_BY(mutex_);
};

}  // namespace zhiyin::sandbox
