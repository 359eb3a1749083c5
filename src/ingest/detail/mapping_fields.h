#pragma once

#include "base/json_binding.h"
#include "ingest/mapping.h"

/// The keys of a mapping file. Every key is optional here; what is needed is checked in mapping.cc.
namespace zhiyin {

template <>
struct Fields<ingest::Condition> {
  using C = ingest::Condition;
  static constexpr std::string_view name = "Condition";
  static constexpr auto list =
      field_list(field("column", &C::column, "").length(1, 200), field("in", &C::in, "").optional(),
                 field("not_in", &C::not_in, "").optional(), field("empty", &C::empty, ""),
                 field("above", &C::above, ""), field("below", &C::below, ""));
};

template <>
struct Fields<ingest::PropertyRule> {
  using P = ingest::PropertyRule;
  static constexpr std::string_view name = "PropertyRule";
  static constexpr auto list =
      field_list(field("column", &P::column, "").length(1, 200),
                 field("type", &P::type, "").optional(), field("personal", &P::personal, ""));
};

template <>
struct Fields<ingest::FurtherIdentity> {
  using F = ingest::FurtherIdentity;
  static constexpr std::string_view name = "FurtherIdentity";
  static constexpr auto list = field_list(field("column", &F::column, "").length(1, 200),
                                          field("kind", &F::kind, "").length(1, 64));
};

template <>
struct Fields<ingest::TimeRule> {
  using T = ingest::TimeRule;
  static constexpr std::string_view name = "TimeRule";
  static constexpr auto list =
      field_list(field("column", &T::column, "").optional(),
                 field("format", &T::format, "").length(1, 64).optional(),
                 field("zone", &T::zone, "").optional(), field("epoch", &T::epoch, "").optional(),
                 field("epoch_day", &T::epoch_day, "").optional(),
                 field("constant", &T::constant, "").optional());
};

template <>
struct Fields<ingest::EventRule> {
  using E = ingest::EventRule;
  static constexpr std::string_view name = "EventRule";
  static constexpr auto list = field_list(
      field("identity", &E::identity, "").optional(),
      field("identity_kind", &E::identity_kind, "").optional(),
      field("further_identities", &E::further_identities, "").length(0, 9).optional(),
      field("kind", &E::kind, "").optional(), field("kind_column", &E::kind_column, "").optional(),
      field("kind_translate", &E::kind_translate, "").optional(),
      field("kind_other", &E::kind_other, "").optional(), field("item", &E::item, "").optional(),
      field("item_kind", &E::item_kind, "").optional(), field("value", &E::value, "").optional(),
      field("value_scale", &E::value_scale, "").optional(),
      field("value_is_yuan", &E::value_is_yuan, "").optional(),
      field("currency", &E::currency, "").optional(),
      field("value_constant", &E::value_constant, ""), field("time", &E::time, ""),
      field("event_id", &E::event_id, "").optional(),
      field("properties", &E::properties, "").optional(),
      field("columns", &E::columns, "").optional(),
      field("columns_are_flags", &E::columns_are_flags, "").optional(),
      field("list", &E::list, "").optional(),
      field("list_separator", &E::list_separator, "").length(1, 8).optional(),
      field("list_response_separator", &E::list_response_separator, "").length(0, 8).optional(),
      field("list_response", &E::list_response, "").optional(),
      field("where", &E::where, "").length(0, 20).optional());
};

template <>
struct Fields<ingest::ItemRule> {
  using I = ingest::ItemRule;
  static constexpr std::string_view name = "ItemRule";
  static constexpr auto list = field_list(
      field("id", &I::id, "").length(1, 200), field("kind", &I::kind, "").length(1, 64).optional(),
      field("kind_column", &I::kind_column, "").optional(),
      field("title", &I::title, "").optional(), field("text", &I::text, "").optional(),
      field("tags", &I::tags, "").length(0, 50).optional(),
      field("tags_separator", &I::tags_separator, "").length(1, 8).optional(),
      field("tags_cut", &I::tags_cut, "").length(0, 8).optional(),
      field("tags_prefix", &I::tags_prefix, "").optional(),
      field("category", &I::category, "").optional(), field("author", &I::author, "").optional(),
      field("url", &I::url, "").optional(), field("cover", &I::cover, "").optional(),
      field("campaign", &I::campaign, "").optional(), field("price", &I::price, "").optional(),
      field("price_unit", &I::price_unit, "").optional(), field("stock", &I::stock, "").optional(),
      field("published_at", &I::published_at, ""), field("valid_from", &I::valid_from, ""),
      field("valid_until", &I::valid_until, ""),
      field("columns_may_be_missing", &I::columns_may_be_missing, "").optional(),
      field("where", &I::where, "").length(0, 20).optional());
};

template <>
struct Fields<ingest::Mapping> {
  using M = ingest::Mapping;
  static constexpr std::string_view name = "Mapping";
  static constexpr auto list =
      field_list(field("name", &M::name, "").length(1, 100).optional(),
                 field("title", &M::title, "").optional(),
                 field("account", &M::account, "").length(0, 64).optional(),
                 field("zone", &M::zone, "").optional(), field("file", &M::file, "").optional(),
                 field("missing", &M::missing, "").length(0, 100).optional(),
                 field("repeated_rows", &M::repeated_rows, "").optional(),
                 field("identity", &M::identity, "").optional(),
                 field("identity_kind", &M::identity_kind, "").optional(),
                 field("rows_are_people", &M::rows_are_people, "").optional(),
                 field("item_column", &M::item_column, "").optional(),
                 field("item_kind", &M::item_kind, "").optional(), field("time", &M::time, ""),
                 field("skip", &M::skip, "").length(0, 50).optional(),
                 field("event", &M::event, "").length(0, 50).optional(),
                 field("item", &M::item, "").length(0, 10).optional());
};

}  // namespace zhiyin
