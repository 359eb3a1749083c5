#pragma once

#include <array>
#include <string>

#include "ingest/event.h"
#include "ingest/event_view.h"

namespace zhiyin::ingest::detail {

/// A WireEvent seen as an EventView: owns the texts of its properties, split into what stays
/// readable and what is sealed. The event must outlive it.
class WireText {
 public:
  /// kInvalidArgument when properties are no object, or a text is no UTF-8.
  static Result<WireText> create(const WireEvent& event);
  /// Valid while this value stays where it is.
  [[nodiscard]] EventView view() const;

 private:
  const WireEvent* event_ = nullptr;
  std::array<IdentityView, kIdentitiesMax + 1>
      identities_{};  // one more, so that too many are seen
  std::size_t identity_count_ = 0;
  std::string properties_;
  std::string personal_;
};

}  // namespace zhiyin::ingest::detail
