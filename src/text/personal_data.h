#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace zhiyin::text {

/// The numbers may be stored: never change them.
enum class PersonalKind : std::uint8_t {
  kIdNumber = 0,  ///< resident identity card, 18 places with checksum (GB 11643) or 15 with a date
  kBankCard = 1,  ///< 13 to 19 digits that begin as a card's and keep to Luhn's sum
  kPhone = 2,     ///< mobile, fixed line with its area, or with a country's code
  kEmail = 3,
  kWechatId = 4,  ///< wxid_…, or what follows 微信号, vx and their like
  kQq = 5,        ///< 5 to 11 digits behind QQ, 扣扣 and their like
  kPlate = 6,     ///< of a car registered on the mainland
  kAddress = 7,   ///< down to a street's number, or an administrative path
  kName = 8,      ///< beside a title (王先生) or behind 姓名, 收件人 and their like
};
constexpr std::size_t kPersonalKinds = 9;
constexpr std::array<std::string_view, kPersonalKinds> kPersonalKindNames = {
    "id_number", "bank_card", "phone", "email", "wechat_id", "qq", "plate", "address", "name"};

/// Where personal data stands in a text; bytes and characters (code points) of the text as given.
struct PersonalSpan {
  PersonalKind kind = PersonalKind::kPhone;
  std::size_t byte_begin = 0, byte_end = 0;
  std::size_t char_begin = 0, char_end = 0;
  bool operator==(const PersonalSpan&) const = default;
};

/// All that is found, by place, without overlaps. Rules, no model: numbers are checked as far as
/// their form allows, names and addresses need their surroundings (a title, a label, a number in a
/// street). Full-width, circled and Chinese digits are read, and single spaces and hyphens between
/// groups of digits. Any bytes; linear in the length of the text. Pure.
std::vector<PersonalSpan> find_personal_data(std::string_view text);

/// The text with each span shortened for people to see: 138****8000.
std::string shortened(std::string_view text, std::span<const PersonalSpan> spans);

/// Masks texts of one request and restores answers to it. Personal data becomes a placeholder
/// ([PHONE-1-k3x9vq]) that a text generator can pass on; the same datum the same placeholder. What
/// a user types in the form of a placeholder is masked like data, and so comes back as it was typed
/// and stands for nothing else. Not thread-safe; lives as long as the request.
class PersonalMask {
 public:
  /// `nonce`: 4 to 32 of a-z and 0-9, made at random for this request. Fails with
  /// kInvalidArgument.
  static Result<PersonalMask> create(std::string nonce);

  /// Most placeholders of one request; what is beyond is masked as [PHONE] and does not come back.
  static constexpr std::size_t kPlaceholdersMax = 100'000;

  [[nodiscard]] std::string mask(std::string_view text);
  /// The same for spans that are known. Requires spans of this text, by place, without overlaps.
  [[nodiscard]] std::string mask(std::string_view text, std::span<const PersonalSpan> spans);
  /// The text with this request's placeholders replaced by what they stand for. Others stay.
  [[nodiscard]] std::string unmask(std::string_view text) const;

  /// Placeholder and what it stands for, in the order of their first mask.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& entries() const {
    return entries_;
  }

 private:
  explicit PersonalMask(std::string nonce) : nonce_(std::move(nonce)) {}
  std::string placeholder(std::string_view kind, std::string_view value);

  std::string nonce_;
  std::vector<std::pair<std::string, std::string>> entries_;
  std::map<std::pair<std::string, std::string>, std::size_t, std::less<>> known_;
  std::array<std::uint32_t, kPersonalKinds + 1> counts_{};
};

}  // namespace zhiyin::text
