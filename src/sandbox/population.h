#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "sandbox/library.h"
#include "sandbox/person.h"
#include "sandbox/receipt.h"

namespace zhiyin::sandbox {

enum class BehaviourKind {
  // In the account's conversation: the server learns of them through callbacks.
  kFollow,
  kUnfollow,
  kText,
  kMenuClick,
  kScan,
  // On the shop's pages: they go to POST /v1/events.
  kRead,
  kLike,
  kShare,
  kComment,
  kFavorite,
  kClick,
  kCart,
  kPurchase,
  // A link in a received message is opened.
  kOpenLink,
};
/// `read`, `purchase`, …, as an event's `kind`.
std::string_view to_string(BehaviourKind kind);
/// True for kFollow to kScan.
bool is_conversation(BehaviourKind kind);

/// One thing that somebody did. A pure value.
struct Behaviour {
  Instant at;
  std::uint32_t person = 0;
  std::uint32_t number = 0;  ///< counts the person's behaviours: with `person` a lasting id
  BehaviourKind kind = BehaviourKind::kRead;
  std::int32_t item = -1;     ///< index into the library
  std::int64_t value = 0;     ///< seconds of kRead, fen of kPurchase
  std::string text;           ///< what was said; menu key, scene or link
  std::uint32_t message = 0;  ///< of kOpenLink
};

/// A message as people see it.
struct ReceivedMessage {
  std::uint32_t number = 0;  ///< names it in Receipt and effect_of
  std::string_view text;
  std::string_view link;  ///< the first link in it, or empty
  Instant at;
  double strength = 1;  ///< scales its uplift; 0.3 for a mere notification
};

/// What a message did to "purchase within 7 days", in expectation, over those who received it.
struct MessageEffect {
  std::size_t recipients = 0;
  double base_rate = 0;     ///< mean probability had they not received it
  double treated_rate = 0;  ///< mean probability as they did
};

/// People with known truth, on the hours of a calendar. The same settings and the same messages
/// give the same behaviours, however the time is cut into steps. Not thread-safe.
class Population {
 public:
  /// `library` must outlive the population and not be empty.
  Population(const PopulationSettings& settings, const std::vector<LibraryItem>& library);

  [[nodiscard]] std::size_t size() const { return people_.size(); }
  [[nodiscard]] const Person& person(std::uint32_t index) const { return people_[index]; }
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view openid) const;
  [[nodiscard]] bool follows(std::uint32_t index) const { return states_[index].following; }
  [[nodiscard]] Instant now() const { return now_; }

  /// What happens in (now, to], by time. Moves now to `to`; requires to >= now.
  std::vector<Behaviour> simulate_until(Instant to);

  /// A message reaches people at `message.at`, which is not before now. Whoever is named receives
  /// it: whether they follow is the platform's affair. It changes what they do from the next full
  /// hour on.
  void receive(const ReceivedMessage& message, std::span<const std::uint32_t> people);

  /// Somebody outside the simulation (a person at the console) followed or unfollowed for them.
  void set_following(std::uint32_t index, bool following) { states_[index].following = following; }

  /// By number of the message, for all that were received.
  [[nodiscard]] std::map<std::uint32_t, MessageEffect> effects() const;
  [[nodiscard]] std::span<const Receipt> receipts(std::uint32_t index) const {
    return states_[index].receipts;
  }

 private:
  struct PlannedOpen {
    Instant at;
    std::uint32_t message = 0;
    std::string link;
  };
  struct State {
    bool following = false;
    Instant unfollow_at{std::numeric_limits<std::int64_t>::max()};
    Instant opt_out_at{std::numeric_limits<std::int64_t>::max()};
    std::vector<PlannedOpen> opens;
    std::vector<Receipt> receipts;
    std::vector<bool> seen;  // by library index
    std::int32_t last_product = -1;
    std::uint32_t behaviours = 0;
  };

  void simulate_hour(Instant hour);
  void simulate_person(std::uint32_t index, Instant hour);
  void follow_or_leave(std::uint32_t index, Instant hour);
  void open_links(std::uint32_t index, Instant hour);
  void visit_pages(std::uint32_t index, Instant hour);
  void visit(std::uint32_t index, Instant start, Random& random);
  Instant read_item(std::uint32_t index, std::size_t item, Instant at, Random& random);
  void buy(std::uint32_t index, Instant hour);
  void talk(std::uint32_t index, Instant hour);
  std::size_t choose_item(std::uint32_t index, Random& random);
  std::size_t choose_product(std::uint32_t index, Random& random);
  [[nodiscard]] std::size_t pick_by_weight(std::size_t topic, Random& random) const;
  void weigh_items(Instant hour);
  Random stream(std::uint32_t index, Instant hour, std::uint64_t purpose) const;
  void add(std::uint32_t index, Instant at, BehaviourKind kind, std::int32_t item = -1,
           std::int64_t value = 0, std::string text = {});

  const PopulationSettings settings_;
  const std::vector<LibraryItem>& library_;
  std::vector<Person> people_;
  std::vector<State> states_;
  std::map<std::string, std::uint32_t, std::less<>> by_openid_;
  std::vector<std::vector<std::size_t>> items_of_topic_;
  std::vector<std::vector<double>> weights_of_topic_;  // cumulated, as of weighed_day_
  std::vector<std::vector<std::size_t>> products_of_topic_;
  std::int64_t weighed_day_ = -1;
  Instant now_;
  Instant simulated_to_;             // hours before this have been simulated
  std::vector<Behaviour> upcoming_;  // simulated, but after now_
};

}  // namespace zhiyin::sandbox
