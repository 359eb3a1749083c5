#include "app/command_line.h"

#include <algorithm>
#include <optional>

#include "app/exit_code.h"
#include "app/option_table.h"
#include "app/stats_commands.h"
#include "app/text_commands.h"
#include "base/nearest.h"

namespace zhiyin::app {
namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return out;
}

const CommandSpec* find_command(std::span<const std::string> arguments, std::size_t& used) {
  const CommandSpec* best = nullptr;
  for (const CommandSpec& command : command_table()) {
    const auto words = words_of(command.words);
    if (words.size() > arguments.size() || words.size() <= used) continue;
    if (std::equal(words.begin(), words.end(), arguments.begin())) {
      best = &command;
      used = words.size();
    }
  }
  return best;
}

std::unexpected<Error> unknown_command(std::span<const std::string> arguments) {
  std::string typed;
  for (const std::string& word : arguments.first(std::min<std::size_t>(2, arguments.size()))) {
    if (word.starts_with('-')) break;
    typed += (typed.empty() ? "" : " ") + word;
  }
  std::vector<std::string_view> names;
  for (const CommandSpec& command : command_table()) names.push_back(command.words);
  std::string_view near = nearest_name(typed, names);
  if (near.empty()) near = nearest_name(arguments[0], names);
  if (near.empty())
    return fail(ErrorCode::kInvalidArgument, "'{}' is no command; see zhiyin --help", typed);
  return fail(ErrorCode::kInvalidArgument, "'{}' is no command; did you mean '{}'?", typed, near);
}

std::unexpected<Error> unknown_flag(const CommandSpec& command, std::string_view flag) {
  std::vector<std::string_view> names = {"help", "json", "config"};
  for (const FlagSpec& f : command.flags) names.push_back(f.name);
  const std::string_view near = nearest_name(flag, names);
  const std::string hint = near.empty() ? "" : fmt::format("; did you mean --{}?", near);
  return fail(ErrorCode::kInvalidArgument, "--{}: zhiyin {} has no such flag{}", flag,
              command.words, hint);
}

bool is_option(std::string_view name) {
  return std::ranges::any_of(option_table(),
                             [&](const OptionSpec& option) { return option.name == name; });
}

/// Commands whose flags stand beside what they do.
std::vector<CommandSpec> with_other_commands(std::vector<CommandSpec> table) {
  for (const std::vector<CommandSpec>& part : {text_command_specs(), stats_command_specs()})
    table.insert(table.end(), part.begin(), part.end());
  return table;
}

/// Walks over the arguments behind the command's words.
class Walk {
 public:
  Walk(std::span<const std::string> rest, Invocation& out)
      : rest_(rest), out_(out), operands_(words_of(out.command->operands)) {}

  Result<void> run() {
    while (at_ < rest_.size()) {
      const std::string& word = rest_[at_++];
      if (word.starts_with("--") && word.size() > 2) {
        ZHIYIN_TRY_VOID(flag(std::string_view(word).substr(2)));
      } else if (word == "-h") {
        out_.help = true;
      } else if (operand_ < operands_.size()) {
        std::string_view name = operands_[operand_++];
        if (name.starts_with('[')) name = name.substr(1, name.size() - 2);
        out_.args.set(lower(name), word);
      } else {
        return fail(ErrorCode::kInvalidArgument, "'{}': zhiyin {} takes no further argument", word,
                    out_.command->words);
      }
    }
    if (!out_.help && operand_ < operands_.size() && !operands_[operand_].starts_with('[')) {
      return fail(ErrorCode::kInvalidArgument, "zhiyin {}: {} is missing; for instance: {}",
                  out_.command->words, operands_[operand_], out_.command->example);
    }
    return {};
  }

 private:
  Result<std::string> value_of(std::string_view name, std::optional<std::string> attached) {
    if (attached) return *attached;
    if (at_ >= rest_.size()) return fail(ErrorCode::kInvalidArgument, "--{}: needs a value", name);
    return rest_[at_++];
  }

  Result<void> flag(std::string_view text) {
    const std::size_t eq = text.find('=');
    const std::string_view name = text.substr(0, eq);
    std::optional<std::string> attached;
    if (eq != std::string_view::npos) attached = std::string(text.substr(eq + 1));
    if (name == "help") out_.help = true;
    if (name == "json") out_.json = true;
    if (name == "help" || name == "json") return {};
    if (name == "config") {
      ZHIYIN_TRY(out_.config, value_of(name, std::move(attached)));
      return {};
    }
    if (name == "roles" && out_.command->words == "serve") {
      ZHIYIN_TRY(out_.options["server.roles"], value_of(name, std::move(attached)));
      return {};
    }
    for (const FlagSpec& spec : out_.command->flags) {
      if (spec.name == name) return known(spec, std::move(attached));
    }
    if (name.find('.') != std::string_view::npos || out_.command->takes_options ||
        is_option(name)) {
      ZHIYIN_TRY(out_.options[std::string(name)], value_of(name, std::move(attached)));
      return {};
    }
    return unknown_flag(*out_.command, name);
  }

  Result<void> known(const FlagSpec& spec, std::optional<std::string> attached) {
    if (spec.value.empty()) {
      out_.args.set(spec.name, true);
      return {};
    }
    ZHIYIN_TRY(std::string value, value_of(spec.name, std::move(attached)));
    if (!spec.repeated) {
      out_.args.set(spec.name, std::move(value));
      return {};
    }
    Json list = out_.args[spec.name];
    list.push(std::move(value));
    out_.args.set(spec.name, std::move(list));
    return {};
  }

  std::span<const std::string> rest_;
  Invocation& out_;
  std::vector<std::string_view> operands_;
  std::size_t at_ = 0;
  std::size_t operand_ = 0;
};

}  // namespace

const std::vector<CommandSpec>& command_table() {
  static const std::vector<CommandSpec> table = with_other_commands({
      {"init",
       "[DIR]",
       "Write a commented zhiyin.toml and prepare the data folder",
       "zhiyin init shop",
       {},
       false},
      {"serve",
       "",
       "Run the server",
       "zhiyin serve --config shop/zhiyin.toml --server.port 9000",
       {{"roles", "LIST", "the option server.roles: intake, workers, console (all)"}},
       true},
      {"import",
       "FILE",
       "Bring a file in: CSV, TSV, JSONL or Parquet, plain, .gz or .zst",
       "zhiyin import readers.csv --account shop",
       {{"mapping", "FILE or NAME",
         "mapping file, or the name of a shipped one; absent: by the header"},
        {"account", "ID", "whose events they are; overrides the mapping"},
        {"rows-are-people", "",
         "of a table without any id: each row is a person, known by its number"},
        {"report", "FILE", "write the data-quality report as HTML"}},
       false},
      {"train response",
       "",
       "Train the response model and report its quality",
       "zhiyin train response --kind purchase --horizon 7d",
       {{"kind", "KIND", "kind of event that counts as a response (purchase)", true},
        {"as-of", "TIME", "features look back from here; absent: now minus the horizon"},
        {"horizon", "DURATION", "responses are looked for so long after (7d)"},
        {"seed", "N", "of the split (1)"}},
       false},
      {"train recommend",
       "",
       "Train the recommender, and measure it beside the version in use",
       "zhiyin train recommend --model ease --lambda 300",
       {{"model", "NAME", "ease, itemknn or rp3beta (ease)"},
        {"k", "N", "weights kept per item (200)"},
        {"lambda", "X", "ease: pulls all weights towards 0 (300)"},
        {"shrink", "X", "itemknn: pulls similarities of rare items towards 0 (5)"},
        {"alpha", "X", "rp3beta: power of the steps (1)"},
        {"beta", "X", "rp3beta: power of popularity (0.3)"},
        {"factors", "N", "of iALS beside it; 0: none (32)"},
        {"promote", "WHEN",
         "better: active when it is not worse than the version in use (default); always; never"}},
       false},
      {"train ranker",
       "",
       "Train the ranker on what was shown and what followed, and measure it",
       "zhiyin train ranker --history 30d --promote better",
       {{"history", "DURATION", "how far back lists are looked at (90d)"},
        {"promote", "WHEN",
         "better: active when it is not worse than what was shown (default); always; never"},
        {"lists-max", "N", "the newest lists that count (500000)"}},
       false},
      {"train text",
       "",
       "Train a classifier of texts, or of pairs of texts: character n-grams, with an encoder "
       "joined to them",
       "zhiyin train text --task classify --train reviews.tsv --output ./reviews.zym --json",
       {{"task", "TASK", "classify, or pair: whether two texts mean the same"},
        {"train", "FILE",
         "lines label TAB text, or for pairs 1 or 0 TAB text TAB text; plain, .gz or .zst"},
        {"validation", "FILE", "the same form; measured, nothing is learnt from it"},
        {"labels", "HOW_MANY", "of a text: one (default), or several with | between them, or none"},
        {"features", "KIND", "ngram, encoder or joined (joined where an encoder is installed)"},
        {"output", "MODEL", "a path (with a '/'), else a name in the installation's registry"},
        {"encoder", "FILE", "instead of the one that comes with the program"},
        {"cache", "DIR", "keep the texts' vectors here, for the next training"},
        {"seed", "N", "of folds and order (1)"},
        {"reject-loss", "X", "share of held-out texts that may be rejected as unsure (0.02)"},
        {"scope-loss", "X", "share of held-out texts that may be called out of scope (0.05)"},
        {"calibration", "WAY", "temperature (default) or isotonic: a curve behind it"},
        {"features-max", "N", "keep only the N heaviest n-grams, for a small file"}},
       false},
      {"recommend",
       "",
       "What a person would like, and why",
       "zhiyin recommend --person openid:shop:oABC --n 5",
       {{"person", "ID", "person id, openid:ACCOUNT:VALUE or another identity"},
        {"n", "N", "how many (10)"},
        {"kind", "KIND", "only items of this kind"},
        {"diversity", "X", "0: by quality alone, up to 1: by difference alone (0)"},
        {"explore", "N", "last places for fresh items chosen by chance, at most n / 5 (0)"},
        {"explain", "", "the terms of each score"},
        {"return-after", "DURATION", "what the person dealt with longer ago may come back"},
        {"account", "ID", "for the record of what was shown"},
        {"segment", "ID", "instead of a person: lists for all members, into --output"},
        {"output", "FILE", "where they go (JSON lines, or CSV by the name)"},
        {"no-record", "", "nothing is recorded as shown"}},
       false},
      {"recommend lists",
       "",
       "Lists that editors keep, and how they stand",
       "zhiyin recommend lists",
       {},
       false},
      {"recommend lists show",
       "ID",
       "One of them, with the status of each item",
       "zhiyin recommend lists show spring",
       {},
       false},
      {"recommend lists set",
       "ID",
       "Create or change an editors' list; what is not given stays as it is",
       "zhiyin recommend lists set spring --name 春茶上新 --item article/tea-1 --item "
       "product/box-1",
       {{"name", "NAME", "as readers see it in the reason"},
        {"item", "KIND/ID", "what is in it, in this order, instead of what was", true},
        {"file", "FILE", "the same from a file, one KIND/ID a line"},
        {"account", "ID", "whose followers it is for; \"\": everybody's"},
        {"valid-from", "TIME", "listed from this moment on; \"\": always was"},
        {"valid-until", "TIME", "no longer listed from this moment on; \"\": no end"},
        {"share", "X", "0 to 0.5: of the places of a person's list, kept for it (0.1)"},
        {"enable", "", "lists are made from it"},
        {"disable", "", "kept, but no lists are made from it"}},
       false},
      {"recommend lists remove",
       "ID",
       "Remove an editors' list",
       "zhiyin recommend lists remove spring",
       {},
       false},
      {"kinds apply",
       "FILE",
       "Declare or change kinds of events (TOML)",
       "zhiyin kinds apply examples/kinds-course.toml",
       {},
       false},
      {"kinds list",
       "",
       "Kinds of events: declared ones and those that came in, with counts",
       "zhiyin kinds list",
       {},
       false},
      {"quarantine list",
       "",
       "Events that broke a rule",
       "zhiyin quarantine list --source tracking",
       {{"source", "NAME", "only those that came this way"},
        {"field", "PATH", "only those with this field"},
        {"limit", "N", "how many (20)"}},
       false},
      {"quarantine resubmit",
       "",
       "Send refused events again, as they are",
       "zhiyin quarantine resubmit --field kind",
       {{"source", "NAME", "only those that came this way"},
        {"field", "PATH", "only those with this field"},
        {"kind", "KIND", "only events of this kind"},
        {"limit", "N", "at most so many (1000)"}},
       false},
      {"catalogue import",
       "",
       "Bring items in: a feed, or what an account published",
       "zhiyin catalogue import --feed https://example.com/feed.xml --follow",
       {{"feed", "FILE or URL", "RSS, Atom or JSON Feed"},
        {"follow", "", "of a URL: ask it again every catalogue.feed_every"},
        {"kind", "KIND", "of the feed's items (article)"},
        {"account", "ID", "the articles that this account published, instead of a feed"},
        {"library", "", "of an account: the news of its library of materials as well"},
        {"most", "N", "articles of the account, newest first (1000)"}},
       false},
      {"catalogue feeds", "", "Feeds that are followed", "zhiyin catalogue feeds", {}, false},
      {"catalogue hide",
       "KIND ID",
       "Take an item out of all lists at once",
       "zhiyin catalogue hide article spring-1",
       {},
       false},
      {"catalogue unhide",
       "KIND ID",
       "Let a hidden item back into lists",
       "zhiyin catalogue unhide article spring-1",
       {},
       false},
      {"catalogue forget",
       "URL",
       "Follow a feed no longer; its items stay",
       "zhiyin catalogue forget https://example.com/feed.xml",
       {},
       false},
      {"segment apply",
       "FILE",
       "Create or change a segment",
       "zhiyin segment apply examples/segment-readers.json",
       {},
       false},
      {"segment preview",
       "[FILE]",
       "Size and sample of a condition tree",
       "zhiyin segment preview --tree '{\"event\":\"read\",\"window\":\"7d\"}'",
       {{"tree", "JSON", "the tree, instead of a file"}},
       false},
      {"segment list", "", "All segments", "zhiyin segment list", {}, false},
      {"segment members",
       "ID",
       "Who is in a segment",
       "zhiyin segment members readers --json",
       {},
       false},
      {"campaign apply",
       "FILE",
       "Create or change a campaign",
       "zhiyin campaign apply examples/campaign-spring.json",
       {},
       false},
      {"campaign list", "", "All campaigns", "zhiyin campaign list", {}, false},
      {"campaign dry-run",
       "ID",
       "Who would get what, who not and why",
       "zhiyin campaign dry-run spring",
       {},
       false},
      {"campaign start", "ID", "Start a campaign", "zhiyin campaign start spring", {}, false},
      {"campaign pause", "ID", "Pause a campaign", "zhiyin campaign pause spring", {}, false},
      {"campaign resume",
       "ID",
       "Resume a campaign",
       "zhiyin campaign resume spring --overdue skip",
       {{"overdue", "send|skip", "what to do with touches whose time has passed"}},
       false},
      {"campaign stop", "ID", "Stop a campaign for good", "zhiyin campaign stop spring", {}, false},
      {"report campaign",
       "ID",
       "Funnel and effect of a campaign",
       "zhiyin report campaign spring",
       {},
       false},
      {"report funnel",
       "FILE",
       "How many people go through steps in order",
       "zhiyin report funnel examples/funnel.json",
       {},
       false},
      {"report retention",
       "FILE",
       "Who comes back how many periods later",
       "zhiyin report retention examples/retention.json",
       {},
       false},
      {"account apply",
       "FILE",
       "Connect or change a WeChat account",
       "zhiyin account apply examples/account.json",
       {},
       false},
      {"account list", "", "Connected accounts", "zhiyin account list", {}, false},
      {"account release",
       "ID",
       "Let an account send again that WeChat had stopped",
       "zhiyin account release shop",
       {},
       false},
      {"account sync",
       "ID",
       "Read an account's follower list",
       "zhiyin account sync shop",
       {},
       false},
      {"account authorise",
       "ID",
       "Get an advertiser's access granted: where its owner does it, then with the code from there",
       "zhiyin account authorise ads --redirect-uri https://example.com/back",
       {{"redirect-uri", "URL", "where the owner's browser comes back to with the code"},
        {"state", "TEXT", "comes back with it"},
        {"code", "CODE", "authorization_code that came back; one use"}},
       false},
      {"wechat methods",
       "",
       "Methods of WeChat that may be called by name, with their bodies",
       "zhiyin wechat methods",
       {},
       false},
      {"wechat call",
       "ACCOUNT METHOD [FILE]",
       "Call a method of WeChat; the file has the body in WeChat's own names",
       "zhiyin wechat call shop tags_get",
       {{"out", "FILE", "where a picture or file goes that comes as the answer"}},
       false},
      {"wechat menu",
       "ACCOUNT FILE",
       "Push a menu, or with a matchrule a conditional one",
       "zhiyin wechat menu shop menu.json",
       {},
       false},
      {"wechat draft",
       "ACCOUNT FILE",
       "Make a draft of an article from Markdown",
       "zhiyin wechat draft shop spring.md --cover cover.jpg",
       {{"cover", "PICTURE", "of the cover: a file, or the media_id of a permanent picture"},
        {"title", "TEXT", "instead of the first heading"},
        {"author", "TEXT", "up to 16 characters"}},
       false},
      {"wechat upload",
       "ACCOUNT FILE",
       "Upload a picture, sound or film",
       "zhiyin wechat upload shop cover.jpg --as material",
       {{"as", "USE",
         "media (3 days), material (permanent), picture (for articles), attachment (of WeCom's "
         "moments), portrait (of customer service), ad_picture or audience"},
        {"type", "TYPE", "image, voice, video or thumb; of WeCom file too"},
        {"kf-account", "NAME", "whose portrait"},
        {"advertiser", "ID", "account_id of an ad picture or audience"},
        {"audience", "ID", "to which the people in the file belong"},
        {"ids", "TYPE", "what stands in its lines: HASH_PHONE, WECHAT_OPENID …"},
        {"operation", "WORD", "APPEND (default) or REDUCE"}},
       false},
      {"wechat wecom",
       "ACCOUNT WHAT FILE",
       "What members of a company send: task, moment, welcome or message",
       "zhiyin wechat wecom corp task spring.json",
       {},
       false},
      {"wechat qr",
       "ACCOUNT CHANNEL",
       "A QR code whose scans and follows carry the channel as their scene",
       "zhiyin wechat qr shop shop-window --for 7d",
       {{"for", "DURATION", "how long it lives, up to 30d; absent: permanent"}},
       false},
      {"wechat send",
       "ACCOUNT OPENID [FILE]",
       "One message to one person, through the quota ledger",
       "zhiyin wechat send shop oAbc --text 您好",
       {{"text", "TEXT", "a customer-service message; or a file with msgtype or template_id"}},
       false},
      {"wechat conversation",
       "ACCOUNT OPENID",
       "Time and messages left in a person's 48 hours, permissions, what was sent",
       "zhiyin wechat conversation shop oAbc",
       {},
       false},
      {"wechat quota",
       "[ACCOUNT]",
       "What is left of the accounts' budgets, and what was used for nothing",
       "zhiyin wechat quota shop",
       {},
       false},
      {"key create",
       "",
       "Make an API key; it is shown once",
       "zhiyin key create --name website --role ingest",
       {{"name", "TEXT", "what it is for"},
        {"role", "ROLE", "page, ingest, analyst, operator or admin"},
        {"account", "ID", "limits it to this account", true}},
       false},
      {"key list", "", "API keys", "zhiyin key list", {}, false},
      {"key remove", "ID", "Revoke an API key", "zhiyin key remove 0123456789abcdef", {}, false},
      {"user create",
       "",
       "Add a console user",
       "zhiyin user create --name anna --role operator",
       {{"name", "TEXT", "sign-in name"},
        {"role", "ROLE", "analyst, operator or admin"},
        {"password", "TEXT",
         "at least 8 characters; absent: asked for, or read from stdin, so that no process list "
         "shows it"}},
       false},
      {"model list",
       "",
       "Versions of models, and what comes with the program",
       "zhiyin model list",
       {},
       false},
      {"model info",
       "ID",
       "A version, the active one of a name, or what comes with the program (NAME@shipped): "
       "settings, "
       "metrics, checksum, licence, classes",
       "zhiyin model info reviews --json",
       {},
       false},
      {"model install",
       "FILE",
       "Store a classifier that train text wrote as a new version of a name, and use it",
       "zhiyin model install reviews.zym --name reviews --licence CC-BY-4.0",
       {{"name", "NAME", "what it is called"},
        {"licence", "TEXT", "under which it may be used, to be shown with it"},
        {"data-from", "TIME", "begin of the texts it learnt from"},
        {"data-to", "TIME", "their end"},
        {"inactive", "", "only store it; model promote puts it to use"}},
       false},
      {"model verify",
       "",
       "Read stored versions and compare them with their checksums",
       "zhiyin model verify",
       {{"id", "ID", "only this version, or the active one of a name"}},
       false},
      {"model promote",
       "ID",
       "Make a version the active one",
       "zhiyin model promote response-2",
       {},
       false},
      {"model rollback",
       "NAME",
       "Go back to the version that was active before",
       "zhiyin model rollback reviews",
       {},
       false},
      {"model diff",
       "OLD NEW",
       "In what two versions differ; with texts, how alike they answer",
       "zhiyin model diff topic@shipped topic --input texts.txt --json",
       {{"input", "FILE", "one text a line; plain, .gz or .zst"}},
       false},
      {"model activate",
       "ID",
       "The same as model promote",
       "zhiyin model activate response-2",
       {},
       false},
      {"model import",
       "FILE",
       "The same as model install",
       "zhiyin model import reviews.zym --name reviews",
       {{"name", "NAME", "what it is called"}},
       false},
      {"model export",
       "ID",
       "Write a classifier to a file: a version, the active one of a name, or NAME@shipped",
       "zhiyin model export reviews-2 --to reviews.zym",
       {{"to", "FILE", "where to"}},
       false},
      {"backup",
       "",
       "Back the installation up while it runs; only what changed is stored",
       "zhiyin backup --to /backups/shop --keep 14",
       {{"to", "DIR", "backup folder; made when it is not there"},
        {"keep", "N", "remove all but the newest N afterwards"},
        {"without-key", "",
         "leave secret.key out: keep it elsewhere, nothing sealed can be read without it"},
        {"note", "TEXT", "why"}},
       false},
      {"backup list", "DIR", "Backups in a folder", "zhiyin backup list /backups/shop", {}, false},
      {"backup verify",
       "DIR",
       "Read and check every block of a backup",
       "zhiyin backup verify /backups/shop",
       {{"backup", "ID", "which (the newest)"}},
       false},
      {"restore",
       "DIR",
       "Write a backup into an empty folder",
       "zhiyin restore /backups/shop --into shop-restored",
       {{"into", "DIR", "folder of the new installation"}, {"backup", "ID", "which (the newest)"}},
       false},
      {"migrate",
       "",
       "Move the installation to other stores while it goes on",
       "zhiyin migrate --from shop/zhiyin.toml --to cluster/zhiyin.toml",
       {{"to", "FILE", "settings of the new place: three empty stores"},
        {"from", "FILE", "settings of the old place (as --config)"},
        {"dry-run", "", "only look: is the target empty, how much is there"},
        {"undo", "",
         "go on in the old place after all: the new one (--to) is ended, running campaigns are "
         "paused"},
        {"without-target", "", "with --undo: the new place is gone for good"}},
       false},
      {"retention run",
       "",
       "Remove what is older than the settings allow, now",
       "zhiyin retention run --dry-run",
       {{"dry-run", "", "only count"}},
       false},
      {"retention list",
       "",
       "Certificates of what was removed, checked",
       "zhiyin retention list --json",
       {},
       false},
      {"doctor", "", "Check the installation and say what to do", "zhiyin doctor", {}, false},
      {"doctor wechat",
       "",
       "Check the connection to WeChat: token, addresses, callback, clock, quotas",
       "zhiyin doctor wechat --account shop",
       {{"account", "ID", "only this account"}},
       false},
      {"evaluate recommend",
       "",
       "Measure a recommender: on the installation's own events, on a file of events, or on a "
       "published protocol",
       "zhiyin evaluate recommend --model ease --cut 7d",
       {{"protocol", "NAME",
         "time: what was liked before a moment is training, what came later is test (without "
         "--train); loo: one test item a person (with it); split: any number; always ranked "
         "against all items"},
        {"events", "FILE",
         "time: user, item and timestamp (seconds to microseconds, or ISO 8601) under a header; "
         "absent: the installation's events"},
        {"cut", "WHEN",
         "time: a date, a time, or how long before the newest event (the newest tenth)"},
        {"train", "FILE",
         "userID,itemID by comma, tab or blanks, oldest first; or a user and its items a line; "
         "plain, "
         ".gz or .zst"},
        {"validation", "FILE", "its items stay candidates and are no history"},
        {"test", "FILE", "the same form"},
        {"model", "NAME", "itemknn, rp3beta, ease, ials or popular (itemknn)"},
        {"param", "NAME=VALUE",
         "itemknn: k, shrink, recency; rp3beta: k, alpha, beta, normalize, recency; ease: lambda, "
         "recency, neighbours; ials: factors, weight, regularization, iterations, solver, seed",
         true},
        {"at", "LIST", "cut-offs (10,20,100)"},
        {"tune", "",
         "choose the parameters on the validation file (time: the newest part of the training), by "
         "random and local search"},
        {"trials", "N", "settings that tune tries (20)"},
        {"metric", "NAME", "what tune looks at: ndcg, recall, mrr or map with a cut (ndcg@10)"},
        {"notes", "FILE", "where tune notes its trials, and goes on after an interruption"},
        {"seed", "N", "of everything by chance (1)"},
        {"threads", "N", "changes nothing but the time (all processors)"}},
       false},
      {"report recommend-policy",
       "",
       "What another way of choosing fresh items would have brought, from what chance showed",
       "zhiyin report recommend-policy --policy uniform --reward read --history 30d",
       {{"policy", "NAME", "uniform, newest, or a ranker's version like ranker-3 (uniform)"},
        {"reward", "NAME", "a response (read, like, buy, …), or value: the owner's weights (read)"},
        {"history", "DURATION", "how far back lists are looked at (90d)"},
        {"clip", "X", "weights count at most so much (100)"},
        {"effective-min", "X", "fewer effective rows are refused (100)"}},
       false},
      {"report recommend-interleaving",
       "",
       "Whether people preferred the items of the versions in use or of their rival",
       "zhiyin report recommend-interleaving --rival ranker-3",
       {{"rival", "VERSION", "as recommend.interleave named it"},
        {"history", "DURATION", "how far back lists are looked at (90d)"}},
       false},
      {"report recommend-ab",
       "",
       "Whether people whose lists another version made (group B) did more than all others",
       "zhiyin report recommend-ab --rival ranker-3",
       {{"rival", "VERSION", "as recommend.ab named it (as it does now)"},
        {"history", "DURATION", "how far back lists are looked at (90d)"},
        {"before", "DURATION",
         "what people did so long before their first list takes noise out of the comparison "
         "(28d)"}},
       false},
      {"evaluate response",
       "",
       "Measure the response model on a table",
       "zhiyin evaluate response --data people.csv --label bought --seed 1 --json",
       {{"data", "FILE", "CSV with a header"},
        {"label", "COLUMN", "the response, two values"},
        {"seed", "N", "of the split (1)"},
        {"positive", "VALUE", "which of the two means that a person responded"},
        {"exclude", "COLUMN", "leave this column out", true}},
       false},
      {"evaluate classify",
       "",
       "Measure a classifier of texts on labelled texts",
       "zhiyin evaluate classify --model ./reviews.zym --data held-out.tsv --json",
       {{"model", "MODEL", "a path (with a '/'), else a name"},
        {"data", "FILE", "as for train text: lines label TAB text, or 1 or 0 TAB text TAB text"},
        {"encoder", "FILE", "instead of the one that comes with the program"},
        {"cache", "DIR", "keep the texts' vectors here"}},
       false},
      {"classify",
       "",
       "Classify texts, one a line, or pairs of texts, two a line with a tab between them",
       "zhiyin classify --model ./reviews.zym --input texts.txt --json",
       {{"model", "MODEL", "a path (with a '/'), else a name"},
        {"input", "FILE",
         "one text a line, or text TAB text; plain, .gz or .zst; - is standard input"},
        {"explain", "N", "with --json: the N n-grams that weigh most in each answer"},
        {"encoder", "FILE", "instead of the one that comes with the program"}},
       false},
      {"analyze",
       "",
       "Analyse texts, one a line, as JSON lines: what POST /v1/analyze says of each",
       "zhiyin analyze --input texts.txt --tasks language,entities,topic",
       {{"input", "FILE", "one text a line; plain, .gz or .zst; - is standard input"},
        {"tasks", "LIST",
         "language, keywords, entities, masked, words, names or paths of classifiers"},
        {"keywords", "N", "most of a text (10)"},
        {"explain", "N", "n-grams that weigh most in each classifier's answer (0)"},
        {"encoder", "FILE", "instead of the one that comes with the program"}},
       false},
      {"embed",
       "",
       "Vectors of texts, one a line, as a NumPy file: float32, rows of length 1",
       "zhiyin embed --input texts.txt --output vectors.npy --prefix query",
       {{"input", "FILE", "one text a line; plain, .gz or .zst; - is standard input"},
        {"output", "FILE", "the .npy file"},
        {"prefix", "WORD", "query, passage or none (none): what the encoder was trained to see"},
        {"encoder", "FILE",
         "instead of the one that comes with the program; or a folder with a checkpoint"},
        {"pooling", "WORD", "mean or cls, instead of what a checkpoint says (its modules.json)"}},
       false},
      {"sandbox",
       "",
       "Emulate the WeChat platform with a population of known truth",
       "zhiyin sandbox --port 8090 --people 3000",
       {{"port", "N", "port to listen on (8090)"},
        {"people", "N", "followers (3000)"},
        {"seed", "N", "of the population (1)"},
        {"start", "TIME", "where its clock begins"},
        {"state", "FILE",
         "where the platform keeps its jobs, windows and permissions over a restart"},
        {"server", "URL", "the server to send events and callbacks to"},
        {"admin-key", "KEY", "key of the server with role admin"},
        {"ingest-key", "KEY", "key with role ingest"},
        {"effect", "X", "scales what messages change (1); 0: nothing"},
        {"fault", "FAULT", "PATH,KIND[,TIMES[,DETAIL]]: calls that fail (docs/sandbox.md)", true},
        {"describe", "PLATFORM",
         "print official, wecom or ads as it is emulated, as an OpenAPI document, and end"}},
       false},
      {"demo",
       "",
       "Run the whole loop on the sandbox",
       "zhiyin demo",
       {{"exit", "", "end after the account instead of leaving the console running"},
        {"dir", "DIR", "keep everything in this folder"},
        {"people", "N", "followers (3000)"},
        {"seed", "N", "of the population (1)"},
        {"weeks", "N", "stepped weeks, at least 4 (8)"},
        {"port", "N", "port of the server (8080, or any free one)"}},
       false},
      {"options",
       "",
       "Print docs/options.md",
       "zhiyin options",
       {{"commands", "", "print docs/command-line.md instead"}},
       false},
  });
  return table;
}

Result<Invocation> parse_command_line(std::span<const std::string> arguments) {
  Invocation out;
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    out.help = true;
    return out;
  }
  if (arguments[0] == "--version") {
    out.version = true;
    out.json = arguments.size() > 1 && arguments[1] == "--json";
    return out;
  }
  std::size_t used = 0;
  out.command = find_command(arguments, used);
  if (out.command == nullptr) return unknown_command(arguments);
  ZHIYIN_TRY_VOID(Walk(arguments.subspan(used), out).run());
  return out;
}

std::string general_help() {
  std::string out =
      "zhiyin " ZHIYIN_VERSION
      ": a self-hosted WeChat marketing engine\n\nzhiyin COMMAND [--config FILE] [--json]\n\n";
  std::size_t widest = 0;
  for (const CommandSpec& command : command_table())
    widest = std::max(widest, command.words.size() + 1);
  for (const CommandSpec& command : command_table())
    out += fmt::format("  {:<{}} {}\n", command.words, widest, command.summary);
  out +=
      "\nzhiyin COMMAND --help shows flags and an example. Results go to stdout (--json for "
      "programs), progress to stderr.\n"
      "Settings: zhiyin.toml in the current folder, or --config FILE; docs/options.md.\n";
  return out;
}

std::string command_help(const CommandSpec& command) {
  std::string out =
      fmt::format("zhiyin {}{}{}\n\n{}.\n", command.words, command.operands.empty() ? "" : " ",
                  command.operands, command.summary);
  auto line = [&](std::string_view name, std::string_view value, std::string_view help,
                  bool repeated) {
    const std::string left = fmt::format("--{}{}{}", name, value.empty() ? "" : " ", value);
    out += fmt::format("  {:<24} {}{}\n", left, help, repeated ? "; may be repeated" : "");
  };
  out += "\n";
  for (const FlagSpec& flag : command.flags) line(flag.name, flag.value, flag.help, flag.repeated);
  line("config", "FILE", "settings (zhiyin.toml)", false);
  line("json", "", "print JSON", false);
  if (command.takes_options) out += "  every option of docs/options.md, as --server.port 9000\n";
  out += fmt::format("\nExample:\n  {}\n", command.example);
  return out;
}

std::string command_document() {
  std::string out =
      "# Command line\n\nGenerated by `zhiyin options --commands`; edit the table in the code "
      "instead.\n\n"
      "Results go to stdout: for people by default, as JSON with `--json`. Progress goes to "
      "stderr. While `zhiyin serve` runs, "
      "commands that work on the installation are carried out by it; otherwise they run in their "
      "own process.\n\n"
      "| command | what it does | example |\n|---|---|---|\n";
  for (const CommandSpec& command : command_table()) {
    std::string example(command.example);
    for (std::size_t at = 0; (at = example.find('|', at)) != std::string::npos; at += 2)
      example.insert(at, "\\");
    out += fmt::format("| `zhiyin {}{}{}` | {} | `{}` |\n", command.words,
                       command.operands.empty() ? "" : " ", command.operands, command.summary,
                       example);
  }
  out += "\n## Exit codes\n\n| code | meaning |\n|---|---|\n| 0 | done |\n";
  constexpr ErrorCode kCodes[] = {ErrorCode::kInternal,         ErrorCode::kInvalidArgument,
                                  ErrorCode::kNotFound,         ErrorCode::kConflict,
                                  ErrorCode::kPermissionDenied, ErrorCode::kLimitReached,
                                  ErrorCode::kUnavailable,      ErrorCode::kDeadline,
                                  ErrorCode::kDataLoss,         ErrorCode::kUnsupported};
  constexpr std::string_view kMeanings[] = {"our own mistake",
                                            "the input is wrong (also: unknown command or flag)",
                                            "no such thing",
                                            "exists already, changed meanwhile, or in use",
                                            "not allowed",
                                            "a quota, size or rate",
                                            "a peer or the disk is away; may pass",
                                            "took too long; the outcome may be unknown",
                                            "stored bytes are damaged",
                                            "understood, but not done here"};
  for (std::size_t i = 0; i < std::size(kCodes); ++i) {
    out += fmt::format("| {} | {}: {} |\n", exit_code_of(kCodes[i]), to_string(kCodes[i]),
                       kMeanings[i]);
  }
  return out;
}

}  // namespace zhiyin::app
