#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "http/message.h"
#include "sandbox/fields.h"

namespace zhiyin::sandbox {

struct AccountState;

/// A call of the platform's interface, as it came over HTTP.
struct ApiCall {
  std::string method;  ///< GET or POST
  std::string path;    ///< `/cgi-bin/user/get`
  std::map<std::string, std::string, std::less<>> query;
  std::string body;
  std::string content_type = {};
};

/// What a handler works with: the request, and its members, which passed the endpoint's fields.
struct Call {
  const ApiCall& http;
  const Json& body;  ///< of a POST; of a GET the query, as an object
  Instant now;

  [[nodiscard]] std::string text(std::string_view name) const { return text_of(body[name]); }
  [[nodiscard]] std::int64_t number(std::string_view name, std::int64_t fallback = 0) const {
    return number_of(body[name], fallback);
  }
  /// A parameter of the address, also of a POST.
  [[nodiscard]] std::string_view query(std::string_view name) const {
    const auto found = http.query.find(name);
    return found == http.query.end() ? std::string_view() : std::string_view(found->second);
  }
};

/// JSON, or bytes with their type.
struct Answer {
  Answer(Json json) : body(std::move(json)) {}
  static Answer file(std::string bytes, std::string content_type) {
    Answer answer{Json()};
    answer.bytes = std::move(bytes);
    answer.content_type = std::move(content_type);
    return answer;
  }

  Json body;
  std::string bytes;
  std::string content_type = {};  ///< empty: JSON
  http::Headers headers = {};
};

using Handler = Answer (*)(AccountState&, const Call&);

/// Which platform an endpoint belongs to.
enum class Family : std::uint8_t { kOfficial, kWecom, kAds };

/// How an endpoint learns which account calls.
enum class Caller : std::uint8_t {
  kToken,          ///< `access_token`
  kAppSecret,      ///< `appid` and `secret` in the query
  kAppId,          ///< `appid` in the query
  kAppSecretBody,  ///< `appid` and a secret in the body
  kUserToken,      ///< `access_token` of a person who signed in
  kCorpSecret,     ///< `corpid` and `corpsecret` in the query
  kClientSecret,   ///< `client_id` and `client_secret` in the query
};

// Who may call; others are answered 48001. Added up.
inline constexpr unsigned kAnyone = 0;
inline constexpr unsigned kVerified = 1;      ///< verified accounts
inline constexpr unsigned kServiceOnly = 2;   ///< service accounts
inline constexpr unsigned kOfficialOnly = 4;  ///< official accounts, not mini-programs
inline constexpr unsigned kMiniOnly = 8;      ///< mini-programs

/// One endpoint: what it takes, how often it may be called, what it answers.
struct Endpoint {
  std::string_view method;  ///< GET or POST
  std::string_view path;
  std::string_view summary;
  Handler handler = nullptr;
  /// Members of a good answer beyond errcode and errmsg (Tencent Ads: of its `data`), as
  /// `answer_members.h` reads them.
  std::string answers = {};
  std::vector<Field> fields = {};  ///< of the body, of a GET's query
  unsigned access = kAnyone;
  std::int64_t per_day = 0;     ///< of a newly registered verified service account; 0: unlimited
  std::int64_t per_minute = 0;  ///< 0: unlimited
  std::string_view counted_as = {};  ///< the path whose count it shares; empty: its own
  std::vector<int> errors = {};      ///< beyond those of the fields and of every call
  Caller caller = Caller::kToken;
  Family family = Family::kOfficial;
  std::vector<Field> query = {};    ///< of a POST, in its address
  std::string_view file_part = {};  ///< the body is multipart and has the file in this part
  bool answers_bytes = false;
  bool takes_get = false;  ///< of a POST: its members may stand in the address of a GET instead
  std::size_t body_max = 1 << 20;

  [[nodiscard]] std::string_view counter() const { return counted_as.empty() ? path : counted_as; }
};

/// The whole interface, family by family. Lives as long as the program.
std::span<const Endpoint> endpoints();
/// The endpoint at that path, or null. WeCom and official accounts have paths in common, on hosts
/// of their own: here the family decides, and where it has none at that path the first one does.
const Endpoint* find_endpoint(std::string_view path, Family family = Family::kOfficial);

// One list for each family, each in its own file.
std::vector<Endpoint> token_endpoints();         // tokens.cc
std::vector<Endpoint> people_endpoints();        // people.cc: users, tags, blacklist
std::vector<Endpoint> material_endpoints();      // material.cc: files
std::vector<Endpoint> draft_endpoints();         // drafts.cc: drafts and publishing
std::vector<Endpoint> comment_endpoints();       // comments.cc
std::vector<Endpoint> mass_endpoints();          // mass.cc
std::vector<Endpoint> message_endpoints();       // messages.cc: customer service
std::vector<Endpoint> template_endpoints();      // templates.cc: template messages
std::vector<Endpoint> subscription_endpoints();  // subscriptions.cc: subscribe messages
std::vector<Endpoint> staff_endpoints();         // staff.cc: customer-service staff
std::vector<Endpoint> menu_endpoints();          // menus.cc
std::vector<Endpoint> code_endpoints();          // codes.cc: scene codes, short keys
std::vector<Endpoint> login_endpoints();         // logins.cc: OAuth, tickets, mini-program login
std::vector<Endpoint> insight_endpoints();       // insight.cc: data cube
std::vector<Endpoint> safety_endpoints();        // safety.cc
std::vector<Endpoint> mini_endpoints();          // mini_program.cc
std::vector<Endpoint> diagnosis_endpoints();     // diagnosis.cc: quotas, request ids, addresses
std::vector<Endpoint> contact_endpoints();       // wecom_contacts.cc
std::vector<Endpoint> group_endpoints();         // wecom_groups.cc: group chats
std::vector<Endpoint> handover_endpoints();      // wecom_handover.cc: contacts change hands
std::vector<Endpoint> task_endpoints();          // wecom_tasks.cc: what members confirm
std::vector<Endpoint> ads_endpoints();           // ads.cc

}  // namespace zhiyin::sandbox
