#pragma once

#include "base/json_binding.h"
#include "delivery/channel.h"

template <>
struct zhiyin::Fields<zhiyin::delivery::Content> {
  using T = delivery::Content;
  static constexpr std::string_view name = "Content";
  static constexpr auto list = field_list(
      field("type", &T::type, "text, news or template"), field("text", &T::text, "").optional(),
      field("title", &T::title, "").optional(),
      field("description", &T::description, "").optional(),
      field("picture_url", &T::picture_url, "").optional(), field("url", &T::url, "").optional(),
      field("template_id", &T::template_id, "").optional(), field("data", &T::data, "").optional());
};
