#include "app/render.h"

#include "ingest/import.h"

namespace zhiyin::app {
namespace {

std::string scalar(const Json& value) {
  if (const auto* text = value.if_string()) return *text;
  return value.dump();
}

/// Indented `name: value` lines; lists of short things in one line.
void write_tree(std::string& out, const Json& value, int level) {
  const std::string indent(static_cast<std::size_t>(level) * 2, ' ');
  if (const auto* object = value.if_object()) {
    for (const auto& [key, child] : *object) {
      if (child.is_null()) continue;
      if (child.if_object() || (child.if_array() && !child.if_array()->empty() &&
                                child.if_array()->front().if_object())) {
        out += fmt::format("{}{}:\n", indent, key);
        write_tree(out, child, level + 1);
      } else {
        out += fmt::format("{}{}: {}\n", indent, key, scalar(child));
      }
    }
  } else if (const auto* array = value.if_array()) {
    for (const Json& child : *array) {
      std::string one;
      write_tree(one, child, level + 1);
      if (child.if_object() && one.size() > indent.size() + 2) one.replace(indent.size(), 2, "- ");
      out += child.if_object() ? one : fmt::format("{}- {}\n", indent, scalar(child));
    }
  } else {
    out += indent + scalar(value) + "\n";
  }
}

std::string recommendations(const Json& result) {
  std::string out = fmt::format(
      "{}  (model {}{}{})\n", result["person"].string_or("nobody yet"),
      result["model"].string_or(""),
      result["ranker"].is_null() ? ""
                                 : fmt::format(", ordered by {}", result["ranker"].string_or("")),
      result["fallback"].bool_or(false) ? ", fallback: nothing the person did leads to new items"
                                        : "");
  int place = 1;
  for (const Json& item : *result["items"].if_array()) {
    out +=
        fmt::format("{:3}. {}/{}  {}\n     {}  [{}]\n", place++, item["item"]["kind"].string_or(""),
                    item["item"]["id"].string_or(""), item["item"]["title"].string_or(""),
                    item["reason"].string_or(""), item["source"].string_or(""));
    const auto* terms = item["terms"].if_array();
    if (terms == nullptr) continue;
    out += fmt::format("     {:8.4f}  得分 / score\n", item["score"].number_or(0));
    for (const Json& term : *terms) {
      out += fmt::format("     {:+8.4f}  {}/{}  {}\n", term["share"].number_or(0),
                         term["item"]["kind"].string_or(""), term["item"]["id"].string_or(""),
                         term["item"]["title"].string_or(""));
    }
  }
  return out;
}

/// Editors' lists, one a line.
std::string editor_lists(const Json& result) {
  if (result["items"].if_array()->empty())
    return "there are no editors' lists; zhiyin recommend lists set makes one\n";
  std::string out =
      fmt::format("{:<24} {:<9} {:>9} {:>6}  {}\n", "id", "state", "can show", "share", "name");
  for (const Json& one : *result["items"].if_array()) {
    const std::string account(one["account"].string_or(""));
    out += fmt::format(
        "{:<24} {:<9} {:>9} {:>4.3g} %  {}{}{}{}\n", one["id"].string_or(""),
        one["state"].string_or(""),
        fmt::format("{:.0f}/{}", one["can_be_shown"].number_or(0), one["items"].if_array()->size()),
        100 * one["share"].number_or(0), one["name"].string_or(""),
        account.empty() ? "" : "  account " + account,
        one["valid_from"].is_null() ? "" : "  from " + scalar(one["valid_from"]),
        one["valid_until"].is_null() ? "" : "  until " + scalar(one["valid_until"]));
  }
  return out;
}

/// One of them: what it is, and its items with what keeps them from being shown.
std::string editor_list(const Json& one) {
  std::string out = editor_lists(Json().set("items", Json::array().push(one)));
  out += fmt::format("version {:.0f}, {} by {}\n", one["version"].number_or(0),
                     one["updated_at"].string_or(""), one["updated_by"].string_or(""));
  int place = 1;
  for (const Json& item : *one["contents"].if_array()) {
    const std::string_view status = item["status"].string_or("");
    out += fmt::format("{:3}. {}/{}  {}{}\n", place++, item["kind"].string_or(""),
                       item["id"].string_or(""), item["title"].string_or(""),
                       status == "available" ? "" : fmt::format("  [{}]", status));
  }
  return out;
}

/// `name value` by commas.
std::string settings_in_a_line(const Json& settings) {
  std::string out;
  for (const auto& [name, value] : settings.if_object() ? *settings.if_object() : Json::Object())
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name, scalar(value));
  return out;
}

/// ` value   low to high`; the interval is left out where there is none.
std::string figure(const Json& value, const Json& interval) {
  const auto* ends = interval.if_array();
  if (ends == nullptr || ends->size() != 2) return fmt::format("{:8.5f}", value.number_or(0));
  return fmt::format("{:8.5f}   {:8.5f} to {:8.5f}", value.number_or(0), ends->at(0).number_or(0),
                     ends->at(1).number_or(0));
}

/// Where the events were split, and what there is on both sides.
std::string time_split(const Json& split) {
  std::string out =
      fmt::format("split at {}: {} events of {} people before, {} after; {} people only after\n",
                  split["cut"].string_or(""), split["events"]["before"].int_or(0),
                  split["people"]["before"].int_or(0), split["events"]["after"].int_or(0),
                  split["people"]["only_after"].int_or(0));
  if (const auto* from = split["validation_from"].if_string())
    out += fmt::format("parameters looked for on what was liked from {} to then\n", *from);
  return out + fmt::format("to be found: {} items, {} of them never seen in training\n",
                           split["wanted"].int_or(0), split["wanted_unseen"].int_or(0));
}

/// What an evaluation of a recommender found, one figure a line.
std::string evaluation(const Json& r) {
  std::string out =
      fmt::format("{}  {}\n{}, seed {}: {} people, {} items\n\n", r["model"].string_or(""),
                  settings_in_a_line(r["params"]), r["protocol"].string_or(""), r["seed"].int_or(0),
                  r["people"].int_or(0), r["items"].int_or(0));
  if (const Json& split = r["split"]; split.if_object() != nullptr)
    out.insert(out.size() - 1, time_split(split));
  const auto line = [&](const std::string& name, const Json& value, const Json& interval) {
    out += fmt::format("  {:<26}{}\n", name, figure(value, interval));
  };
  out += fmt::format("  {:<26}   value   95 % interval\n", "");
  for (const auto& [name, value] : *r["metrics"].if_object())
    line(name, value, r["intervals"][name]);
  const std::string at = fmt::format("@{}", r["lists"]["at"].int_or(0));
  for (const auto& [name, value] : *r["lists"].if_object()) {
    if (value.is_number() && name != "at") line(name + at, value, r["lists"]["intervals"][name]);
  }
  const auto* tried = r["tried"].if_array();
  if (tried == nullptr || tried->empty()) return out;
  out += "\nTried on the validation part (value, 95 % interval, the two halves of the people):\n\n";
  for (const Json& trial : *tried) {
    for (const auto& [name, value] : *trial.if_object()) {
      if (!value.is_number()) continue;
      const auto* halves = trial["halves"].if_array();
      out += fmt::format("  {}   {:8.5f} {:8.5f}   {}\n", figure(value, trial["interval"]),
                         halves->at(0).number_or(0), halves->at(1).number_or(0),
                         settings_in_a_line(trial["params"]));
    }
  }
  return out;
}

/// A training: what came of it, and how it was measured.
std::string trained_recommender(const Json& r) {
  const Json& m = r["metrics"];
  std::string out = fmt::format(
      "{}  {}\n  {}{}\n  learnt from {} likings of {} items by {} people{}\n",
      r["model"].string_or(""), settings_in_a_line(r["settings"]),
      r["active"].bool_or(false) ? "使用中 / active" : "已保存，未启用 / stored, not active",
      r["kept_back"].is_null() ? "" : ": " + scalar(r["kept_back"]), m["interactions"].int_or(0),
      m["items"].int_or(0), m["people"].int_or(0),
      r["resumed"].bool_or(false) ? "; went on where an earlier one ended" : "");
  if (r["rows_changed"].is_number())
    out += fmt::format("  counts kept; histories that changed since: {}\n",
                       r["rows_changed"].int_or(0));
  out += fmt::format("  held out since {}: {} likings, {} people measured\n",
                     m["held_out_from"].string_or(""), m["held_out_likings"].int_or(0),
                     m["people_measured"].int_or(0));
  for (const auto& [name, label] : {std::pair{"ndcg", "nDCG@10"}, std::pair{"recall", "recall@10"},
                                    std::pair{"in_use_ndcg", "nDCG@10, in use"},
                                    std::pair{"in_use_recall", "recall@10, in use"},
                                    std::pair{"ndcg_gain", "gain in nDCG@10"}}) {
    if (m[name].is_number())
      out += fmt::format("  {:<22}{}\n", label, figure(m[name], m["intervals"][name]));
  }
  return out;
}

std::string percent(const Json& value) { return fmt::format("{:.2f} %", value.number_or(0) * 100); }

std::string campaign_report(const Json& r) {
  const Json& f = r["funnel"];
  std::string out = fmt::format("campaign {} as of {}\n\n", r["campaign"].string_or(""),
                                r["as_of"].string_or(""));
  for (const char* step :
       {"audience", "eligible", "held_out", "sent", "failed", "unknown", "clicked", "converted"}) {
    out += fmt::format("  {:<10} {:>8}\n", step, f[step].int_or(0));
  }
  if (const auto* refused = f["refused"].if_array()) {
    for (const Json& rule : *refused) {
      out += fmt::format("  refused    {:>8}  {}: {}\n", rule["count"].int_or(0),
                         rule["rule"].string_or(""), rule["zh"].string_or(""));
    }
  }
  const Json& e = r["effect"];
  if (e.if_object() && e["estimate"].is_number()) {
    const auto* interval = e["interval"].if_array();
    out +=
        fmt::format("\n  {}\n  treated {} of {}   held out {} of {}\n", e["metric"].string_or(""),
                    percent(e["treated"]["mean"]), e["treated"]["n"].int_or(0),
                    percent(e["control"]["mean"]), e["control"]["n"].int_or(0));
    out +=
        fmt::format("  difference {}   95 % interval {} to {}   p {:.4g}\n", percent(e["estimate"]),
                    percent(interval->at(0)), percent(interval->at(1)), e["p"].number_or(1));
  }
  return out + fmt::format("\n  {}\n  {}\n", r["words"]["zh"].string_or(""),
                           r["words"]["en"].string_or(""));
}

std::string dry_run(const Json& r) {
  std::string out = fmt::format("as of {}, sending from {}\n\n", r["as_of"].string_or(""),
                                r["send_at"].string_or(""));
  for (const auto& [name, words] :
       {std::pair{"audience", "in the segment"}, std::pair{"holdout", "held out"},
        std::pair{"would_send", "would get it"}}) {
    out += fmt::format("  {:<14} {:>8}\n", words, r[name].int_or(0));
  }
  if (const auto* refused = r["refused"].if_array()) {
    for (const Json& rule : *refused) {
      out += fmt::format("  refused        {:>8}  {}: {} / {}\n", rule["count"].int_or(0),
                         rule["rule"].string_or(""), rule["zh"].string_or(""),
                         rule["en"].string_or(""));
    }
  }
  out += fmt::format("  calls of the platform needed: {}, left today: {}\n",
                     r["quota"]["needed"].int_or(0), r["quota"]["left"].int_or(0));
  if (const auto* previews = r["previews"].if_array(); previews != nullptr && !previews->empty()) {
    out += "\n";
    for (const Json& preview : *previews)
      out +=
          fmt::format("  {}: {}\n", preview["person"].string_or(""), preview["text"].string_or(""));
  }
  return out + "\nNothing was sent. --json also lists the first 200 people with their decisions.\n";
}

std::string doctor(const Json& result) {
  std::string out;
  for (const Json& check : *result["checks"].if_array()) {
    const std::string_view account = check["account"].string_or("");
    out += fmt::format("{} {}{}{:<12} {}\n", check["ok"].bool_or(false) ? "ok  " : "BAD ", account,
                       account.empty() ? "" : ": ", check["name"].string_or(""),
                       check["detail"].string_or(""));
    if (!check["ok"].bool_or(false))
      out += fmt::format("     → {}\n", check["advice"].string_or(""));
  }
  return out;
}

/// The figures by which models are compared first, as far as they are kept.
std::string main_figures(const Json& kept) {
  const Json& metrics = kept["metrics"].is_null() ? kept : kept["metrics"];
  std::string out;
  for (const std::string_view name :
       {"accuracy", "macro_f1", "micro_f1", "auc", "ndcg", "recall", "ndcg_gain"}) {
    if (metrics[name].is_number())
      out += fmt::format("  {} {:.4f}", name, metrics[name].number_or(0));
  }
  if (const bool* const not_worse = metrics["not_worse"].if_bool())
    out += fmt::format("  not_worse {}", *not_worse ? "yes" : "no");
  return out;
}

/// One version a line; what is in use has a star. `model info` tells the rest.
std::string model_list(const Json& result) {
  constexpr std::size_t kShownOfChecksum = 8;
  std::string out;
  for (const Json& one : *result["items"].if_array()) {
    out += fmt::format(
        "{} {:<24} {}{}\n", one["active"].bool_or(false) ? '*' : ' ', one["id"].string_or(""),
        one["checksum"].string_or("").substr(0, kShownOfChecksum), main_figures(one["metrics"]));
  }
  if (out.empty()) out = "no versions are stored\n";
  if (const Json::Array* shipped = result["shipped"].if_array(); shipped && !shipped->empty()) {
    out += "with the program:\n";
    for (const Json& one : *shipped)
      out += fmt::format("  {:<24} {}\n", one["id"].string_or(""),
                         one["problem"].is_null() ? main_figures(one["metrics"])
                                                  : std::string(one["problem"].string_or("")));
  }
  if (!result["drift_alerts"].if_array()->empty()) {
    out += "drift_alerts:\n";
    write_tree(out, result["drift_alerts"], 1);
  }
  return out;
}

}  // namespace

std::string render_for_people(std::string_view command, const Json& result) {
  if (command == "recommend" && result["file"].is_null()) return recommendations(result);
  if (command == "evaluate recommend") return evaluation(result);
  if (command == "recommend lists") return editor_lists(result);
  if (command == "recommend lists show" || command == "recommend lists set")
    return editor_list(result);
  if (command == "train recommend" && result["model"].if_string() != nullptr)
    return trained_recommender(result);
  if (command == "report campaign") return campaign_report(result);
  if (command == "doctor" || command == "doctor wechat") return doctor(result);
  if (command == "campaign dry-run") return dry_run(result);
  if (command == "model list") return model_list(result);
  if (command == "import") {
    if (const auto report = from_json<ingest::ImportReport>(result))
      return ingest::to_text(report->quality);
  }
  std::string out;
  write_tree(out, result, 0);
  return out;
}

}  // namespace zhiyin::app
