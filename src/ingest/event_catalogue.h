#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_binding.h"
#include "base/mutex.h"
#include "ingest/projection.h"
#include "storage/state.h"

/// What the owner says about kinds of events: which properties they have, of which type and range,
/// and which of them are personal. Kinds that nobody declared are taken and counted, or refused
/// where the operator says so. docs/catalogue-of-events.md.
namespace zhiyin::ingest {

namespace detail {
class KindRules;
}

inline constexpr std::size_t kDeclaredKindsMax = 2'000;
inline constexpr std::size_t kPropertiesPerKindMax = 200;
/// Kinds that are counted apart; events of more kinds are counted together as `other`.
inline constexpr std::int64_t kSeenKindsMax = 10'000;

enum class PropertyType { kString, kInteger, kNumber, kBoolean, kTime, kArray, kObject };

struct KindPropertyRule {
  PropertyType type = PropertyType::kString;
  bool required = false;
  bool personal = false;          ///< sealed, wherever the client puts it
  std::optional<double> minimum;  ///< of numbers
  std::optional<double> maximum;
  std::vector<std::string> values;  ///< the only ones allowed; empty: any
  std::size_t length_max = 0;       ///< bytes of a string, elements of an array; 0: any
  std::string description;
};
struct KindValueRule {
  bool required = false;
  std::optional<double> minimum;
  std::optional<double> maximum;
  std::string unit;  ///< for people
};
struct KindItemRule {
  bool required = false;
  std::vector<std::string> kinds;  ///< the only ones allowed; empty: any
};
enum class ExtraProperties { kAccept, kRefuse };

/// A kind of event as its owner declares it.
struct KindDefinition {
  std::string name;
  std::int64_t version = 0;  ///< grows by one with each change; 0: not stored yet
  std::string description;
  std::string owner;  ///< who answers for it
  std::map<std::string, KindPropertyRule> properties;
  std::optional<KindValueRule> value;
  std::optional<KindItemRule> item;
  ExtraProperties extra = ExtraProperties::kAccept;  ///< properties that are not declared
};

/// A kind as it came in.
struct SeenKind {
  std::string kind;
  std::int64_t events = 0;  ///< distinct ones of people
  std::int64_t bots = 0;    ///< of crawlers, previews and the like
  Instant first_at;
  Instant last_at;
};

/// The kinds of a TOML text, `[kinds.NAME]` each; kInvalidArgument with line or field.
Result<std::vector<KindDefinition>> parse_kinds(std::string_view toml);

/// Definitions in state, with every earlier version, and a compiled copy in memory for the intake.
/// Thread-safe.
class EventCatalogue {
 public:
  /// `state` must outlive this.
  static Result<std::unique_ptr<EventCatalogue>> create(storage::State& state);
  ~EventCatalogue();
  static std::span<const storage::Migration> migrations();

  [[nodiscard]] Result<std::vector<KindDefinition>> list() const;
  /// `version` 0: the newest. kNotFound when there is none.
  [[nodiscard]] Result<KindDefinition> get(std::string_view name, std::int64_t version = 0) const;
  /// Stores the next version; unchanged definitions keep theirs. `expected`: kConflict unless it is
  /// the stored version (0: there is none). kInvalidArgument on rules that contradict themselves.
  Result<KindDefinition> put(KindDefinition definition, std::optional<std::int64_t> expected);
  /// The kind is undeclared again; its versions stay on record.
  Result<void> remove(std::string_view name, std::optional<std::int64_t> expected);
  /// By name.
  [[nodiscard]] Result<std::vector<SeenKind>> seen() const;

  /// The rules in force; another process' changes show within two seconds.
  [[nodiscard]] std::shared_ptr<const detail::KindRules> rules();

 private:
  explicit EventCatalogue(storage::State& state) : state_(state) {}
  Result<void> load() ZHIYIN_EXCLUDES(mutex_);

  storage::State& state_;
  Mutex mutex_;
  // Shared with the calls that are being judged by it.
  std::shared_ptr<const detail::KindRules> rules_ ZHIYIN_GUARDED_BY(mutex_);
  std::int64_t revision_ ZHIYIN_GUARDED_BY(mutex_) = -1;
  std::atomic<std::int64_t> looked_at_ms_ = 0;
};

/// Counts distinct events by kind. Owned by the pipeline's thread.
class KindCounts final : public EventProjection {
 public:
  Result<void> apply(storage::Session& session, std::span<const LoggedEvent> events) override;
};

}  // namespace zhiyin::ingest

namespace zhiyin {
template <>
struct EnumNames<ingest::PropertyType> {
  using enum ingest::PropertyType;
  static constexpr std::pair<ingest::PropertyType, std::string_view> list[] = {
      {kString, "string"}, {kInteger, "integer"}, {kNumber, "number"}, {kBoolean, "boolean"},
      {kTime, "time"},     {kArray, "array"},     {kObject, "object"}};
};
template <>
struct EnumNames<ingest::ExtraProperties> {
  static constexpr std::pair<ingest::ExtraProperties, std::string_view> list[] = {
      {ingest::ExtraProperties::kAccept, "accept"}, {ingest::ExtraProperties::kRefuse, "refuse"}};
};
template <>
struct Fields<ingest::KindPropertyRule> {
  using P = ingest::KindPropertyRule;
  static constexpr std::string_view name = "KindPropertyRule";
  static constexpr auto list = field_list(
      field("type", &P::type, "string, integer, number, boolean, time, array or object"),
      field("required", &P::required, "events without it are refused").optional(),
      field("personal", &P::personal, "sealed before it is stored").optional(),
      field("minimum", &P::minimum, "of numbers"), field("maximum", &P::maximum, "of numbers"),
      field("values", &P::values, "the only texts allowed").length(0, 200).optional(),
      field("length_max", &P::length_max, "bytes of a string, elements of an array; 0: any")
          .optional(),
      field("description", &P::description, "what it says").length(0, 1000).optional());
};
template <>
struct Fields<ingest::KindValueRule> {
  using V = ingest::KindValueRule;
  static constexpr std::string_view name = "KindValueRule";
  static constexpr auto list =
      field_list(field("required", &V::required, "events without a value are refused").optional(),
                 field("minimum", &V::minimum, ""), field("maximum", &V::maximum, ""),
                 field("unit", &V::unit, "what it counts").length(0, 40).optional());
};
template <>
struct Fields<ingest::KindItemRule> {
  using I = ingest::KindItemRule;
  static constexpr std::string_view name = "EventItemRule";
  static constexpr auto list = field_list(
      field("required", &I::required, "events without an item are refused").optional(),
      field("kinds", &I::kinds, "the only kinds of item allowed").length(0, 50).optional());
};
template <>
struct Fields<ingest::KindDefinition> {
  using K = ingest::KindDefinition;
  static constexpr std::string_view name = "EventKind";
  static constexpr auto list = field_list(
      field("name", &K::name, "the kind: [a-z][a-z0-9_.]{0,63}").length(1, 64),
      field("version", &K::version, "given by the server").optional(),
      field("description", &K::description, "what happened").length(0, 2000).optional(),
      field("owner", &K::owner, "who answers for it").length(0, 200).optional(),
      field("properties", &K::properties, "rules by name of property").optional(),
      field("value", &K::value, "rules for `value`"), field("item", &K::item, "rules for `item`"),
      field("extra", &K::extra, "properties that are not declared: accept or refuse").optional());
};
template <>
struct Fields<ingest::SeenKind> {
  using S = ingest::SeenKind;
  static constexpr std::string_view name = "SeenKind";
  static constexpr auto list =
      field_list(field("kind", &S::kind, ""), field("events", &S::events, "distinct events"),
                 field("bots", &S::bots,
                       "events of crawlers, previews and the like, not counted among the others"),
                 field("first_at", &S::first_at, "when the first happened"),
                 field("last_at", &S::last_at, "when the last happened"));
};
}  // namespace zhiyin
