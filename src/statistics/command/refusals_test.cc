#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "statistics/command/cause_commands.h"
#include "statistics/command/detect_command.h"
#include "statistics/command/experiment_commands.h"
#include "statistics/command/value_commands.h"
#include "statistics/stats_compare.h"

/// What no command may answer with a number: each line of the tables below is refused, either as
/// wrong input (an error that names it) or as an answer with `refused`.
namespace zhiyin::statistics {
namespace {

using ::testing::HasSubstr;

Json json(std::string_view text) {
  const auto parsed = parse_json(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Json());
}

/// "a,b\n1,2\n": cells between commas.
Table table(std::string_view text) {
  Table out;
  std::vector<std::vector<std::string>> lines;
  std::vector<std::string> line{""};
  for (const char c : text) {
    if (c == '\n') {
      lines.push_back(std::exchange(line, {""}));
    } else if (c == ',') {
      line.emplace_back();
    } else {
      line.back() += c;
    }
  }
  out.columns = lines.front();
  out.rows.assign(lines.begin() + 1, lines.end());
  return out;
}

std::string repeated(std::string_view line, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += line;
  return out;
}

/// Error or refusal must say `words`; a refusal keeps method, assumptions and both sentences.
void expect_refused(const Result<Json>& out, std::string_view words, std::string_view what) {
  if (!out) {
    EXPECT_THAT(out.error().text(), HasSubstr(std::string(words))) << what;
    return;
  }
  const Json* refused = out->find("refused");
  ASSERT_NE(refused, nullptr) << what << ": " << out->dump();
  EXPECT_THAT(std::string(refused->string_or("")), HasSubstr(std::string(words))) << what;
  EXPECT_NE((*out)["plain"]["zh"].string_or(""), "") << what;
  EXPECT_NE((*out)["plain"]["en"].string_or(""), "") << what;
  for (const char* number : {"estimate", "p", "se", "interval"}) {
    EXPECT_EQ(out->find(number), nullptr) << what << ": " << out->dump();
  }
}

struct JsonCase {
  Result<Json> (*command)(const Json&);
  std::string_view input;
  std::string_view words;
};

TEST(Refusals, OfJsonCommands) {
  const JsonCase cases[] = {
      // Too few, none, without variance, negative, more hits than users.
      {stats_compare, R"({"arms":[{"name":"a","n":0,"sum":0},{"name":"b","n":9,"sum":3}]})",
       "fewer than two"},
      {stats_compare, R"({"arms":[{"name":"a","n":1,"sum":1},{"name":"b","n":9,"sum":3}]})",
       "fewer than two"},
      {stats_compare, R"({"arms":[{"name":"a","n":9,"sum":0},{"name":"b","n":9,"sum":3}]})",
       "variance is zero"},
      {stats_compare, R"({"arms":[{"name":"a","n":-9,"sum":0},{"name":"b","n":9,"sum":3}]})",
       "arms[0].n"},
      {stats_compare, R"({"arms":[{"name":"a","n":9,"sum":10},{"name":"b","n":9,"sum":3}]})",
       "contradict"},
      {stats_compare, R"({"arms":[{"name":"a","n":9,"sum":-1},{"name":"b","n":9,"sum":3}]})",
       "contradict"},
      {stats_compare, R"({"arms":[{"name":"a","n":20,"sum":10.5},{"name":"b","n":9,"sum":3}]})",
       "arms[0].sum: is 10.5"},
      {stats_compare,
       R"({"kind":"proportion","arms":[{"name":"a","n":20,"sum":10},{"name":"b","n":20,"sum":9,"sum_squares":40}]})",
       "arms[1].sum_squares: is 40"},
      {stats_compare,
       R"({"arms":[{"name":"a","n":20,"sum":10,"sum_squares":1},{"name":"b","n":20,"sum":9,"sum_squares":40}]})",
       "contradict"},
      {stats_compare,
       R"({"arms":[{"name":"a","n":20,"sum":1e151,"sum_squares":1e300},{"name":"b","n":20,"sum":9,"sum_squares":40}]})",
       "1e150"},
      // 1e15 users with 1e15 each: what is left of the squares is rounding.
      {stats_compare,
       R"({"arms":[{"name":"a","n":1000000,"sum":1e21,"sum_squares":1e36},{"name":"b","n":20,"sum":9,"sum_squares":40}]})",
       "variance is zero"},
      {stats_compare, R"({"arms":[{"name":"a","n":9,"sum":4}]})", "arms"},
      {stats_compare, R"({"arms":[]})", "arms"},
      {stats_compare, R"({"arms":[{"name":"a","n":9,"sum":4},{"name":"a","n":9,"sum":3}]})",
       "two of them are named 'a'"},
      {stats_compare,
       R"({"arms":[{"name":"a","n":9,"sum":4,"weight":0.5},{"name":"b","n":9,"sum":3,"weight":0.6}]})",
       "add up to 1.1"},
      {stats_compare,
       R"({"arms":[{"name":"a","n":9,"sum":4,"weight":0.5},{"name":"b","n":9,"sum":3}]})",
       "weight"},
      {stats_compare,
       R"({"effect":"relative","arms":[{"name":"a","n":9,"sum":0,"sum_squares":8},{"name":"b","n":9,"sum":3,"sum_squares":8}]})",
       "control mean is zero"},
      {stats_compare,
       R"({"kind":"ratio","arms":[{"name":"a","n":9,"sum":4},{"name":"b","n":9,"sum":3}]})",
       "missing"},
      {stats_compare,
       R"({"kind":"quantile","quantile":0.5,"arms":[{"name":"a","values":[1]},{"name":"b","values":[1,2]}]})",
       "fewer than two"},
      {stats_compare,
       R"({"kind":"quantile","quantile":0.5,"arms":[{"name":"a","values":[3,3,3,3,3,3,3,3]},{"name":"b","values":[1,2,3,4,5,6,7,8]}]})",
       "variance is zero"},
      {stats_compare,
       R"({"arms":[{"name":"a","strata":[{"name":"x","n":9,"sum":4},{"name":"x","n":9,"sum":4}]},{"name":"b","strata":[{"name":"x","n":9,"sum":4}]}]})",
       "two of them are named 'x'"},
      {stats_compare,
       R"({"arms":[{"name":"a","strata":[{"name":"x","n":9,"sum":4.5}]},{"name":"b","strata":[{"name":"x","n":9,"sum":4}]}]})",
       "strata[0].sum: is 4.5"},
      {stats_compare,
       R"({"arms":[{"name":"a","groups":[{"members":3,"sum":1}]},{"name":"b","groups":[{"members":3,"sum":1},{"members":3,"sum":2}]}]})",
       "fewer than two"},
      // More hits than there are members or values.
      {stats_compare,
       R"({"kind":"proportion","arms":[{"name":"a","groups":[{"members":10,"sum":50},{"members":10,"sum":5}]},{"name":"b","groups":[{"members":10,"sum":4},{"members":10,"sum":5}]}]})",
       "arms[0].groups[0].sum: is 50"},
      {stats_compare,
       R"({"kind":"proportion","arms":[{"name":"a","groups":[{"members":10,"sum":4},{"members":10,"sum":5}]},{"name":"b","groups":[{"members":10,"sum":4},{"members":10,"sum":4.5}]}]})",
       "arms[1].groups[1].sum: is 4.5"},
      {stats_compare,
       R"({"arms":[{"name":"a","groups":[{"members":0,"sum":5},{"members":10,"sum":5}]},{"name":"b","groups":[{"members":10,"sum":4},{"members":10,"sum":5}]}]})",
       "without members"},
      {stats_compare,
       R"({"kind":"ratio","arms":[{"name":"a","groups":[{"members":3,"sum":5}]},{"name":"b","groups":[{"members":10,"sum":4}]}]})",
       "kind: is ratio"},
      {stats_compare,
       R"({"kind":"proportion","arms":[{"name":"a","strata":[{"name":"x","n":9,"sum":4,"sum_squares":8}]},{"name":"b","strata":[{"name":"x","n":9,"sum":4}]}]})",
       "arms[0].strata[0].sum_squares: is 8"},
      {stats_compare,
       R"({"arms":[{"name":"a","strata":[{"name":"x","n":9,"sum":10}]},{"name":"b","strata":[{"name":"x","n":9,"sum":4}]}]})",
       "contradict"},
      {stats_compare,
       R"({"kind":"quantile","quantile":0.5,"arms":[{"name":"a","n":500,"value":1000,"bounds":[{"n_star":400,"lower":1,"upper":2}]},{"name":"b","n":500,"value":1.5,"bounds":[{"n_star":400,"lower":1,"upper":2}]}]})",
       "arms[0].bounds[0]: are 1 and 2"},
      {stats_compare,
       R"({"kind":"quantile","quantile":0.5,"arms":[{"name":"a","n":700,"value":1.5,"bounds":[{"n_star":400,"lower":1,"upper":2}],"clusters":{"people":100,"below_sum":900,"below_sum_squares":9000,"count_sum":700,"count_sum_squares":5000,"sum_products":6000}},{"name":"b","n":500,"value":1.5,"bounds":[{"n_star":400,"lower":1,"upper":2}]}]})",
       "arms[0].clusters.below_sum: is 900"},
      {stats_compare,
       R"({"kind":"quantile","quantile":0.5,"arms":[{"name":"a","n":500,"value":1.5,"bounds":[{"n_star":400,"lower":1,"upper":2}],"clusters":{"people":100,"below_sum":300,"below_sum_squares":900,"count_sum":700,"count_sum_squares":5000,"sum_products":2100}},{"name":"b","n":500,"value":1.5,"bounds":[{"n_star":400,"lower":1,"upper":2}]}]})",
       "arms[0].clusters.count_sum: is 700"},
      {stats_compare,
       R"({"kind":"quantile","quantile":0.5,"arms":[{"name":"a","values":[1,2e80,3]},{"name":"b","values":[1,2,3]}]})",
       "arms[0].values[1]"},
      {stats_compare, R"({"arms":[{"name":"a","n":1,"sum":5},{"name":"b","n":9,"sum":3}]})",
       "contradict"},
      {stats_compare, R"({"arms":[{"name":"a","n":0,"sum":5},{"name":"b","n":9,"sum":3}]})",
       "contradict"},
      // Numbers whose squares vanish or overflow.
      {stats_compare,
       R"({"method":"bayesian","prior":{"mean":1e308,"sd":0.3},"arms":[{"name":"a","n":90,"sum":4},{"name":"b","n":90,"sum":3}]})",
       "prior.mean"},
      {stats_compare,
       R"({"method":"bayesian","prior":{"sd":0.3},"arms":[{"name":"a","n":10,"sum":1e-290,"sum_squares":1},{"name":"b","n":10,"sum":3,"sum_squares":2}]})",
       "control mean is zero"},
      {stats_compare,
       R"({"effect":"relative","method":"bayesian","arms":[{"name":"a","n":10,"sum":1e-290,"sum_squares":1},{"name":"b","n":10,"sum":3,"sum_squares":2}]})",
       "control mean is zero"},
      {stats_compare,
       R"({"arms":[{"name":"a","n":10,"sum":1e-99,"sum_squares":2e-199},{"name":"b","n":10,"sum":2e-99,"sum_squares":6e-199}]})",
       "smaller unit"},
      {stats_compare,
       R"({"kind":"quantile","quantile":0.5,"arms":[{"name":"a","values":[1,1.0000000000000002,1,1,1,1,1.0000000000000002,1]},{"name":"b","values":[1,2,3,4,5,6,7,8]}]})",
       "variance is zero"},
      // Settings that would do nothing.
      {stats_compare,
       R"({"prior":{"sd":0.3},"arms":[{"name":"a","n":9,"sum":4},{"name":"b","n":9,"sum":3}]})",
       "prior: is for the bayesian method"},
      {stats_compare,
       R"({"quantile":0.5,"arms":[{"name":"a","n":9,"sum":4},{"name":"b","n":9,"sum":3}]})",
       "quantile: is for arms of quantiles"},
      {stats_power, R"({"mean":0.1,"users":0})", "fewer than two"},
      {stats_power, R"({"mean":0.9,"users":1000,"effect_size":0.5})", "would become 1.35"},
      {stats_power,
       R"({"mean":0.9,"evidence":{"se":0.01,"users":1000},"effect_size":0.5,"effect":"absolute"})",
       "would become 1.4"},
      {stats_power, R"({"mean":1e-80,"variance":1e-160,"users":1000})", "smaller unit"},
      {stats_samplesize, R"({"mean":0.9,"effect_size":0.5})", "would become 1.35"},
      {stats_samplesize, R"({"mean":0.9,"effect_size":0.3,"effect":"absolute"})",
       "would become 1.2"},
      {stats_samplesize, R"({"mean":0.05,"effect_size":-0.1,"effect":"absolute"})",
       "would become -0.05"},
      {stats_power, R"({"mean":10,"variance":0,"users":1000})", "variance is zero"},
      {stats_power, R"({"mean":0,"variance":1,"users":1000})", "control mean is zero"},
      {stats_power, R"({"mean":0.1,"users":-5})", "users"},
      {stats_power, R"({"users":1000})", "mean"},
      {stats_power, R"({"evidence":{"se":0,"users":1000},"effect_size":1})", "evidence.se"},
      {stats_samplesize, R"({"mean":0.1,"effect_size":0})", "effect_size"},
      {stats_samplesize, R"({"mean":0.1,"effect_size":1e-12})", "too few users"},
      {stats_samplesize, R"({"mean":1.5,"effect_size":0.1})", "variance"},
      {stats_srm, R"({"arms":[]})", "arms"},
      {stats_srm, R"({"arms":[{"n":0,"weight":1},{"n":0,"weight":1}]})", "no users"},
      {stats_srm, R"({"arms":[{"n":-1,"weight":1},{"n":5,"weight":1}]})", "arms[0].n"},
      {stats_srm, R"({"arms":[{"n":5,"weight":0},{"n":5,"weight":0}]})", "none is above 0"},
      {stats_srm, R"({"arms":[{"n":5,"weight":-1},{"n":5,"weight":2}]})", "arms[0].weight"},
      {stats_srm, R"({"arms":[{"n":50,"weight":0.5},{"n":50,"weight":0.6}]})", "add up to 1.1"},
      {stats_srm, R"({"arms":[{"n":50,"weight":0.5},{"n":50,"weight":0.49}]})", "add up to 0.99"},
      {stats_srm, R"({"arms":[{"n":50,"weight":2.5},{"n":50,"weight":2.5}]})", "add up to 5"},
      {stats_srm, R"({"arms":[{"name":"a","n":50,"weight":1},{"name":"a","n":50,"weight":1}]})",
       "two of them are named 'a'"},
      {stats_adjust, R"({"results":[]})", "results"},
      {stats_adjust, R"({"results":[{"p":1.5}]})", "results[0].p"},
      {stats_adjust, R"({"results":[{"p":0.5,"estimate":1,"interval":[2,1]}]})",
       "results[0].interval"},
      {stats_adjust, R"({"results":[{"p":0.5,"estimate":3,"interval":[1,2]}]})",
       "results[0].estimate: is 3"},
      {stats_assign, R"({"units":[]})", "units"},
      {stats_assign, R"({"units":["a"],"weights":[0.5,0.6]})", "add up to 1.1"},
      {stats_assign, R"({"units":["a"],"weights":[0,0]})", "none is above 0"},
      {stats_assign, R"({"units":["a"],"weights":[-0.5,1.5]})", "weights[0]"},
      {stats_assign,
       R"({"seed":"c1","units":["a"],"holdouts":{"campaign":"c1","campaign_share":0.1}})",
       "seed: 'c1'"},
      {stats_assign,
       R"({"seed":"__programme:p","units":["a"],"holdouts":{"programme":"p","programme_share":0.1}})",
       "seed: '__programme:p'"},
      {stats_assign,
       R"({"units":["a"],"seed":"s","holdouts":{"organisation":"o","organisation_share":0.1,"campaign":"__organisation:o","campaign_share":0.1}})",
       "holdouts.campaign"},
      {stats_assign,
       R"({"seed":"__shop","version":1,"units":["a"],"namespace":{"name":"shop","begin":0,"end":0.5}})",
       "seed: '__shop'"},
      {stats_bandit, R"({"arms":[{"name":"a","n":1,"sum":5},{"name":"b","n":9,"sum":1}]})",
       "arms[0]: the sums of an arm contradict"},
      {stats_bandit, R"({"arms":[{"name":"a","n":0,"sum":5},{"name":"b","n":9,"sum":1}]})",
       "arms[0]: the sums of an arm contradict"},
      {stats_bandit, R"({"arms":[{"name":"a","n":9,"sum":5},{"name":"b","n":1,"sum":-5}]})",
       "arms[1]: the sums of an arm contradict"},
      {stats_bandit,
       R"({"arms":[{"name":"a","n":1,"sum":5,"sum_squares":5},{"name":"b","n":9,"sum":1,"sum_squares":5}]})",
       "contradict"},
      {stats_bandit,
       R"({"arms":[{"name":"a","n":900,"sum":9},{"name":"b","n":900,"sum":9,"sum_squares":90}]})",
       "arms[1].kind: is mean, but the first arm is a proportion"},
      {stats_bandit, R"({"arms":[{"name":"a","n":9,"sum":1}]})", "arms"},
      {stats_bandit, R"({"arms":[{"name":"a","n":9,"sum":10},{"name":"b","n":9,"sum":1}]})",
       "contradict"},
      {stats_bandit, R"({"arms":[{"name":"a","n":900,"sum":1.5},{"name":"b","n":900,"sum":1}]})",
       "arms[0].sum"},
      {stats_bandit, R"({"arms":[{"name":"a","n":900,"sum":9},{"name":"a","n":900,"sum":1}]})",
       "two of them are named 'a'"},
      {stats_bandit,
       R"({"arms":[{"name":"a","n":200,"sum":0,"sum_squares":0},{"name":"b","n":200,"sum":20,"sum_squares":90}]})",
       "variance is zero"},
      {stats_bandit,
       R"({"floor":0.5,"arms":[{"name":"a","n":900,"sum":9},{"name":"b","n":9,"sum":1},{"name":"c","n":9,"sum":1}]})",
       "floor"},
  };
  for (const JsonCase& c : cases) {
    const auto out = c.command(json(c.input));
    if (c.command == &stats_compare && out) {
      const Json* refused = out->find("refused");
      ASSERT_NE(refused, nullptr) << c.input;
      EXPECT_THAT(std::string(refused->string_or("")), HasSubstr(std::string(c.words))) << c.input;
      continue;
    }
    expect_refused(out, c.words, c.input);
  }
}

struct TableCase {
  Result<Json> (*command)(const Table&, const Json&);
  std::string settings;
  std::string rows;
  std::string_view words;
};

void expect_all_refused(std::span<const TableCase> cases) {
  for (const TableCase& c : cases) {
    const Table t = c.rows.empty() ? Table{} : table(c.rows);
    expect_refused(c.command(t, json(c.settings)), c.words,
                   c.settings + "\n" + c.rows.substr(0, 200));
  }
}

TEST(Refusals, OfCauses) {
  const std::string log = "action,reward,propensity\n";
  const std::string uplift = "treatment,outcome,score\n";
  const std::string did = "treatment,after,outcome\n";
  const std::string flat = repeated("a,5,0.5\nb,5,0.5\n", 200);
  const std::string skewed =
      repeated(repeated("a,1,0.5\na,0,0.5\na,0,0.5\n", 3) + "b,1,0.5\n", 100);
  const TableCase cases[] = {
      {stats_ope, R"({"policy":"uniform"})", log, "fewer than two"},
      {stats_ope, R"({"policy":"uniform"})", log + "a,1,0.5\n", "fewer than two"},
      {stats_ope, R"({"policy":"uniform"})", log + "a,1,0.5\nb,0,0.5\n", "worth 2.0 rows"},
      {stats_ope, R"({"policy":"uniform"})", log + "a,1,0\nb,0,0.5\n", "propensity[0]"},
      {stats_ope, R"({"policy":"uniform"})", log + "a,1,-0.5\nb,0,0.5\n", "propensity[0]"},
      {stats_ope, R"({"policy":"uniform"})", log + "a,1,1.5\nb,0,0.5\n", "propensity[0]"},
      {stats_ope, R"({"policy":"uniform"})", log + "a,nan,0.5\nb,0,0.5\n", "row 1"},
      {stats_ope, R"({"policy":"uniform"})", log + "a,inf,0.5\nb,0,0.5\n", "row 1"},
      {stats_ope, R"({"policy":"c"})", log + "a,1,0.5\nb,0,0.5\n", "policy"},
      {stats_ope, R"({})", log + "a,1,0.5\nb,0,0.5\n", "target"},
      {stats_ope, R"({"policy":"uniform"})", log + flat, "spread is not known"},
      {stats_ope, R"({"policy":"uniform","estimator":"ips"})", log + flat, "spread is not known"},
      {stats_ope, R"({"policy":"uniform","estimator":"direct"})", log + flat,
       "spread is not known"},
      {stats_ope, R"({"policy":"a","estimator":"dr"})",
       log + repeated("a,5,0.5\nb,7,0.5\nb,3,0.5\na,5,0.5\n", 100), "spread is not known"},
      // Propensities that cannot be: nine of ten rows with a chance of a half.
      {stats_ope, R"({"policy":"a"})", log + skewed, "action 'a' have the mean 1.8"},
      {stats_ope, R"({"policy":"b"})", log + skewed, "action 'b' have the mean 0.2"},
      {stats_ope, R"({"policy":"uniform"})", log + skewed, "have the mean"},
      {stats_ope, R"({"policy":"uniform","estimator":"dr"})", log + skewed, "have the mean"},
      {stats_ope, R"({"target":"target"})",
       "reward,propensity,target\n" + repeated("1,0.5,0.9\n0,0.5,0.9\n", 300),
       "weights have the mean 1.8"},
      // One reward that differs, and weighs nothing.
      {stats_ope, R"({"target":"target"})",
       "reward,propensity,target\n" + repeated("7.5,0.5,0.5\n", 999) + "4,0.5,1e-12\n",
       "spread is not known"},
      {stats_uplift, R"({"score":"score"})", uplift, "needs two"},
      {stats_uplift, R"({"score":"score"})", uplift + "1,1,0.5\n0,0,0.5\n", "needs two"},
      {stats_uplift, R"({"score":"score"})", uplift + repeated("1,1,0.5\n", 9), "needs two"},
      {stats_uplift, R"({"score":"score"})", uplift + repeated("1,1,0.5\n0,1,0.4\n", 99),
       "variance"},
      {stats_uplift, R"({"score":"score"})", uplift + "2,1,0.5\n0,1,0.4\n", "row 1"},
      {stats_uplift, R"({"score":"score"})", uplift + "1,1,x\n0,1,0.4\n0,1,0.4\n1,1,1\n", "row 1"},
      {stats_uplift, R"({})", uplift + repeated("1,1,0.5\n0,0,0.4\n", 9), "score"},
      {stats_uplift, R"({"features":["score"]})", uplift + repeated("1,1,0.5\n0,0,0.4\n", 9),
       "too few to learn"},
      {stats_did, "{}", did, "fewer than two"},
      {stats_did, "{}", did + "0,0,1\n0,1,2\n1,0,3\n1,1,5\n", "fewer than two"},
      {stats_did, "{}", did + repeated("0,0,1\n0,1,2\n1,0,3\n1,1,5\n", 3), "variance"},
      // Changes of 0.1 and 0.2 of six units each, as stored sums.
      {stats_did,
       R"({"sums":{"control":{"before":{"n":6,"sum":949.8199999999999,"sum_squares":311369.5092},"after":{"n":6,"sum":950.4200000000001,"sum_squares":311559.53320000006},"sum_products":311464.4912},"treated":{"before":{"n":6,"sum":949.8199999999999,"sum_squares":311369.5092},"after":{"n":6,"sum":951.02,"sum_squares":311749.67720000003},"sum_products":311559.4732}}})",
       "", "variance is zero"},
      // Money of two decimals: the changes differ by their rounding only.
      {stats_did, R"({"unit":"unit"})",
       "unit,treatment,after,outcome\n"
       "a,0,0,100.1\na,0,1,100.2\nb,0,0,7.3\nb,0,1,7.4\nc,0,0,33.35\nc,0,1,33.45\n"
       "d,1,0,100.1\nd,1,1,100.3\ne,1,0,7.3\ne,1,1,7.5\nf,1,0,33.35\nf,1,1,33.55\n",
       "variance is zero"},
      {stats_did, "{}",
       did + repeated("0,0,0.3\n0,0,0.30000000000000004\n0,1,2\n1,0,3\n1,1,5\n", 3),
       "variance is zero"},
      {stats_did, "{}", did + "0,0,nan\n", "row 1"},
      {stats_did, "{}", did + "0,2,1\n", "row 1"},
      {stats_did, R"({"sums":{"control":{"before":{"n":9,"sum":4}}}})", "", "sums.control.after"},
      {stats_did,
       R"({"sums":{"control":{"before":{"n":1,"sum":1},"after":{"n":9,"sum":4}},"treated":{"before":{"n":9,"sum":4},"after":{"n":9,"sum":4}}}})",
       "", "fewer than two"},
      {stats_did,
       R"({"sums":{"control":{"before":{"n":9,"sum":4.5},"after":{"n":9,"sum":4}},"treated":{"before":{"n":9,"sum":4},"after":{"n":9,"sum":4}}}})",
       "", "sums.control.before.sum"},
      {stats_did,
       R"({"sums":{"control":{"before":{"n":9,"sum":10},"after":{"n":9,"sum":4}},"treated":{"before":{"n":9,"sum":4},"after":{"n":9,"sum":4}}}})",
       "", "contradict"},
      {stats_did,
       R"({"sums":{"control":{"before":{"n":9,"sum":4},"after":{"n":9,"sum":4},"sum_products":5},"treated":{"before":{"n":9,"sum":4},"after":{"n":9,"sum":4},"sum_products":3}}})",
       "", "contradict"},
      {stats_did,
       R"({"sums":{"control":{"before":{"n":9,"sum":4},"after":{"n":9,"sum":4},"sum_products":3},"treated":{"before":{"n":9,"sum":4},"after":{"n":9,"sum":4}}}})",
       "", "missing"},
      {stats_its, R"({"start":"5"})", "time,value\n", "no rows"},
      {stats_its, R"({"start":"1"})", "time,value\n1,5\n", "four values"},
      {stats_its, R"({"start":"2"})", "time,value\n2,5\n1,6\n", "row 2"},
      {stats_its, R"({"start":"9"})", "value\n" + repeated("5\n", 20), "no variance"},
      {stats_its, R"({"start":"9"})", "value\n" + repeated("5\n", 9) + "inf\n", "row 10"},
      {stats_synthetic, R"({"treated":"a","start":"1"})", "time,a,b,c\n", "no rows"},
      {stats_synthetic, R"({"treated":"a","start":"1"})", "time,a,b,c\n0,1,1,1\n1,2,2,2\n",
       "start"},
      {stats_synthetic, R"({"treated":"a","start":"3"})",
       "a,b,c\n" + repeated("5,5,5\n", 3) + "6,5,5\n6,5,5\n", "nothing to follow"},
      {stats_synthetic, R"({"treated":"a","start":"3"})", "a,b\n" + repeated("5,6\n", 5), "donors"},
      {stats_attribution, "{}", "path,conversions\n", "no rows"},
      {stats_attribution, "{}", "path,conversions\na,0\n", "nobody"},
      {stats_attribution, "{}", "path,conversions\na,-3\n", "row 1"},
      {stats_attribution, "{}", "path,conversions\na,nan\n", "row 1"},
      {stats_attribution, "{}", "path,conversions\n,3\n", "row 1"},
  };
  expect_all_refused(cases);
}

TEST(Refusals, OfSeries) {
  std::vector<TableCase> cases;
  const auto add = [&](std::string method, std::string rows, std::string_view words) {
    cases.push_back({stats_detect, R"({"period":7,"start":"3","method":")" + method + "\"}",
                     std::move(rows), words});
  };
  const std::string hours = "time,value\n2026-03-01T00:00:00,";
  for (const char* method : {"esd", "shesd", "ewma", "cusum", "changepoint", "bocpd", "pagehinkley",
                             "adwin", "interrupted", "kleinberg", "rate"}) {
    const bool times_only = std::string_view(method) == "kleinberg";
    add(method, "time,value\n", "no rows");
    if (!times_only) {
      add(method, hours + "nan\n", "row 1");
      add(method, hours + "-inf\n", "row 1");
      add(method, hours + "5\n", "");
      add(method, hours + "5\n2026-03-01T01:00:00,6\n", "");
    } else {
      add(method, hours + "5\n", "fewer than three");
      add(method, "time,value\n1,1\n2,1\n", "fewer than three");
      add(method, "time,value\n1,1\n2,7\n4,1\n", "row 2: is 7, but kleinberg reads times");
    }
    add(method, "time,value\n2,5\n1,6\n", "row 2");
    add(method, "time,value\n1,5\n1,6\n", "row 2");
  }
  for (const char* method :
       {"esd", "shesd", "ewma", "cusum", "changepoint", "bocpd", "pagehinkley", "adwin"}) {
    add(method, "value\n" + repeated("5\n", 60), "all values are the same");
    add(method, "value\n" + repeated("0.3\n0.30000000000000004\n", 30), "all values are the same");
  }
  cases.push_back({stats_detect, R"({"method":"interrupted","start":"9"})",
                   "value\n" + repeated("5\n", 60), "no variance"});
  add("shesd", "value\n" + repeated("5\n", 59) + "500\n", "median deviation");
  add("pagehinkley", "value\n" + repeated("5\n6\n", 10), "20 values are too few");
  add("adwin", "value\n" + repeated("5\n6\n", 10), "20 values are too few");
  std::string day;
  for (int h = 0; h < 24; ++h) day += fmt::format("2026-03-01T{:02}:00:00,{}\n", h, h % 5);
  add("rate", "time,value\n" + day, "two weeks of history");
  add("rate", "time,value\n2026-03-01T00:00:00,-5\n", "row 1");
  add("rate", "time,value\n2026-03-01T00:00:00,2.5\n", "row 1");
  add("rate", "value\n1\n2\n", "time");
  // Steps that are not equal, where the method counts them.
  add("interrupted", "time,value\n1,5\n2,6\n3.37,7\n4,9\n5,6\n",
      "row 3: 3.37 comes 1.37 steps after 2");
  add("interrupted", "time,value\n1,5\n2,6\n3,7\n1e6,9\n1000001,6\n", "row 4: 1e6 comes");
  for (const char* settings :
       {R"({"method":"ewma","target":5,"deviation":1})",
        R"({"method":"cusum","target":5,"slack":1,"limit":5})",
        R"({"method":"bocpd","prior_mean":5,"prior_variance":2,"noise_variance":1})"}) {
    cases.push_back({stats_detect, settings, "value\n5\n", "fewer than two values"});
    cases.push_back({stats_detect, settings, "time,value\n1,\n2,5\n", "fewer than two values"});
  }
  cases.push_back({stats_detect, R"({"method":"kleinberg","total":"all"})", "value,all\n3,4\n",
                   "fewer than two"});
  cases.push_back(
      {stats_detect, R"({"method":"bocpd","counts":true})", "value\n1\n-2\n3\n", "row 2"});
  cases.push_back(
      {stats_detect, R"({"method":"bocpd","counts":true})", "value\n1\n2\n", "too few"});
  cases.push_back(
      {stats_detect, R"({"method":"kleinberg","total":"all"})", "value,all\n5,4\n", "relevant[0]"});
  cases.push_back({stats_detect, R"({"method":"shesd","period":2,"share_max":0.01})",
                   "value\n" + repeated("1\n2\n4\n3\n", 5), "less than one"});
  expect_all_refused(cases);
}

TEST(Refusals, OfCustomers) {
  const std::string orders = "customer,date,amount\n";
  const std::string summary = "frequency,recency,T,spend\n";
  const std::string lives = "duration,observed,group\n";
  std::vector<TableCase> cases;
  for (const char* model : {"bgnbd", "paretonbd", "gammagamma"}) {
    const auto fit = [&](std::string rows, std::string_view words) {
      cases.push_back(
          {value_fit, fmt::format(R"({{"model":"{}"}})", model), std::move(rows), words});
    };
    fit(orders, "no rows");
    fit(summary, "none");
    fit(orders + "a,2026-03-01,5\n", "");
    fit(orders + "a,2026-03-01,x\n", "row 1");
    fit(orders + "a,someday,5\n", "row 1");
    fit(summary + "-1,0,5,3\n", "not a count");
    fit(summary + "1.5,1,5,3\n", "not a count");
    fit(summary + "1,6,5,3\n", "recency");
    fit(summary + "nan,6,5,3\n", "row 1");
    fit(summary + repeated("0,0,5,0\n", 9), "");
  }
  const TableCase more[] = {
      {value_fit, R"({"model":"gammagamma"})", "frequency,recency,T\n" + repeated("2,1,5\n", 9),
       "amount"},
      {value_fit, R"({"model":"gammagamma"})", "frequency,spend\n2,5\n3,-1\n", "spend"},
      {value_fit, R"({"model":"gammagamma"})", "frequency,spend\n2,5\n", "fewer than two"},
      {value_fit, R"({"model":"gammagamma"})", "frequency,spend\n2,5\n3,5\n1,5\n1,5\n", ""},
      {value_fit, R"({"model":"sbg"})", "alive\n", "three counts"},
      {value_fit, R"({"model":"sbg"})", "alive\n100\n80\n", "three counts"},
      {value_fit, R"({"model":"sbg"})", "alive\n100\n100\n100\n", "nobody left"},
      {value_fit, R"({"model":"sbg"})", "alive\n100\n110\n90\n", "alive[1]"},
      {value_fit, R"({"model":"sbg"})", "alive\n100\n-1\n-2\n", "alive[1]"},
      {value_fit, R"({"model":"sbg"})", "alive\n100\n0\n0\n", "no maximum"},
      {value_fit, R"({"model":"sbg"})", "alive\n1\n0.869\n0.743\n", "row 1: is 1, not a number of"},
      {value_fit, R"({"model":"sbg"})", "alive\n100\n86.9\n74.3\n",
       "row 2: is 86.9, not a number of"},
      {value_predict, R"({"fit":{"r":1,"alpha":1,"a":1,"b":1},"spend_fit":{"p":6,"q":4,"v":15}})",
       summary + "1,1,5,3\n2,3,5,-3\n", "customer '2' spends -3"},
      {value_predict, R"({"fit":{"r":1,"alpha":1,"a":1,"b":1},"spend_fit":{"p":6,"q":4,"v":15}})",
       summary + "1,1,5,0\n", "customer '1' spends 0"},
      {value_predict, R"({"fit":{"r":1,"alpha":1,"a":1,"b":1}})", orders + ",2026-03-01,5\n",
       "customer: row 1: is empty"},
      {value_predict, R"({"fit":{"r":1,"alpha":1,"a":1,"b":1}})",
       "customer,frequency,recency,T\na,1,1,5\n ,1,1,5\n", "customer: row 2: is empty"},
      {value_fit, R"({"model":"bgnbd"})", orders + "a,2026-03-01,5\n,2026-03-02,5\n",
       "customer: row 2: is empty"},
      {value_rfm, "{}", orders + "a,2026-03-01,5\n,2026-03-02,5\n", "customer: row 2: is empty"},
      {retention, "{}", "person,time\na,2026-03-01\n,2026-03-02\n", "person: row 2: is empty"},
      {retention, R"({"aliases":{"a":""}})", "person,time\na,2026-03-01\n",
       "person: row 1: is empty"},
      {retention, R"({"aliases":{"a":"b","b":"c","c":"a"}})", "person,time\na,2026-03-01\n",
       "circle"},
      {value_predict, R"({"fit":{"r":1,"alpha":1,"a":1,"b":-1}})", summary + "1,1,5,3\n",
       "fit.parameters.b"},
      {value_predict, R"({"fit":{"r":1,"alpha":1,"a":1,"b":1}})", summary, "none"},
      {value_predict, R"({"fit":{"r":1,"alpha":1,"a":1,"b":1}})", summary + "1,9,5,3\n", "recency"},
      {value_rfm, "{}", orders, "no rows"},
      {value_rfm, "{}", orders + "a,2026-03-01,5\n", "fifths"},
      {value_rfm, "{}",
       orders + "a,2026-03-01,1\nb,2026-03-02,2\nc,2026-03-03,3\nd,2026-03-04,4\ne,2026-03-05,5\n",
       "frequency is 1 for all 5"},
      {value_rfm, R"({"cuts":{"recency":[4,3,2,1],"frequency":[1,2,3,4],"monetary":[1,2,3,4]}})",
       orders + "a,2026-03-01,5\n", "cuts.recency"},
      {value_rfm, "{}", orders + "a,2026-03-01,inf\n", "row 1"},
      {retention, "{}", "person,time\n", "none"},
      {retention, "{}", "person,time\na,never\n", "row 1"},
      {retention, R"({"kind":"survival"})", lives, "none"},
      {retention, R"({"kind":"survival"})", lives + "-1,1,a\n", "not a time"},
      {retention, R"({"kind":"survival"})", lives + "nan,1,a\n", "row 1"},
      {retention, R"({"kind":"survival"})", lives + "1,2,a\n", "row 1"},
      {retention, R"({"kind":"survival","group":"group"})", lives + "1,0,a\n2,0,b\n",
       "nobody left"},
      {retention, R"({"kind":"survival","covariates":["x"]})", "duration,x\n1,5\n2,5\n3,5\n",
       "does not vary"},
  };
  cases.insert(cases.end(), std::begin(more), std::end(more));
  expect_all_refused(cases);
}

// What is not refused, though a little is missing, says so.

TEST(Honest, SplitsWithUsersWhereNoneShouldBe) {
  const auto out = stats_srm(json(R"({"arms":[{"name":"a","n":500,"weight":0.5},
      {"name":"b","n":500,"weight":0.5},{"name":"old","n":12,"weight":0}]})"));
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_DOUBLE_EQ((*out)["p"].number_or(0), 1);
  EXPECT_FALSE((*out)["alarm"].bool_or(true));
  EXPECT_EQ((*out)["unplanned_users"].number_or(0), 12);
  EXPECT_THAT(std::string((*out)["plain"]["en"].string_or("")), HasSubstr("12 users"));
  EXPECT_THAT(std::string((*out)["plain"]["zh"].string_or("")), HasSubstr("12 人"));
  const auto compared = stats_compare(json(R"({"arms":[{"name":"a","n":500,"sum":50,"weight":1},
      {"name":"b","n":500,"sum":60,"weight":1},{"name":"old","n":12,"sum":3,"weight":0}]})"));
  EXPECT_EQ((*compared)["srm"]["unplanned_users"].number_or(0), 12);
}

TEST(Honest, WeightsAreSharesOrARatio) {
  for (const char* weights : {R"([0.5,0.5])", R"([1,1])", R"([7,7])"}) {
    const auto out = stats_assign(
        Json::object().set("units", json(R"(["a","b","c"])")).set("weights", json(weights)));
    ASSERT_TRUE(out) << weights << out.error().text();
    EXPECT_EQ((*out)["assigned"].int_or(0), 3) << weights;
  }
  // Thirds to three digits are meant as thirds.
  const auto thirds = stats_srm(json(R"({"arms":[{"n":100,"weight":0.333},{"n":100,"weight":0.333},
      {"n":100,"weight":0.333}]})"));
  ASSERT_TRUE(thirds) << thirds.error().text();
  EXPECT_DOUBLE_EQ((*thirds)["p"].number_or(0), 1);
}

TEST(Honest, PolicyOfOneOutcomeHasWilsonsInterval) {
  const std::string none = "action,reward,propensity\n" + repeated("a,0,0.5\nb,0,0.5\n", 200);
  for (const char* estimator : {"ips", "snips", "clipped", "direct", "dr", "switch"}) {
    const auto out =
        stats_ope(table(none), Json::object().set("policy", "uniform").set("estimator", estimator));
    ASSERT_TRUE(out) << estimator << out.error().text();
    EXPECT_TRUE((*out)["se"].is_null()) << estimator;
    EXPECT_THAT(std::string((*out)["interval_method"].string_or("")), HasSubstr("Wilson"));
    const Json::Array& interval = *(*out)["interval"].if_array();
    EXPECT_DOUBLE_EQ(interval[0].number_or(9), 0) << estimator;
    EXPECT_NEAR(interval[1].number_or(0), 3.841 / (400 + 3.841), 1e-4) << estimator;
  }
  // Weights whose mean is not quite 1: the interval is within 0 and 1, and says what it is.
  const std::string all =
      "action,reward,propensity\n" + repeated("a,1,0.5\n", 195) + repeated("b,1,0.5\n", 205);
  for (const auto& [estimator, policy] :
       {std::pair{"ips", "a"}, {"clipped", "a"}, {"ips", "b"}, {"clipped", "b"}}) {
    const auto out =
        stats_ope(table(all), Json::object().set("policy", policy).set("estimator", estimator));
    ASSERT_TRUE(out) << estimator << out.error().text();
    EXPECT_THAT(std::string((*out)["interval_method"].string_or("")), HasSubstr("widened"));
    const Json::Array& interval = *(*out)["interval"].if_array();
    EXPECT_LT(interval[0].number_or(9), 0.95) << policy;
    EXPECT_DOUBLE_EQ(interval[1].number_or(9), std::max(1.0, (*out)["estimate"].number_or(9)));
  }
  // The policy shares only rows without a hit, whatever others earned.
  const std::string one =
      "action,reward,propensity\n" + repeated("a,0,0.5\nb,1,0.5\nb,0,0.5\na,0,0.5\n", 100);
  for (const char* estimator : {"ips", "snips", "direct", "dr"}) {
    const auto out =
        stats_ope(table(one), Json::object().set("policy", "a").set("estimator", estimator));
    ASSERT_TRUE(out) << estimator << out.error().text();
    EXPECT_GE((*out)["interval"].if_array()->at(1).number_or(0), 0.0188) << estimator;
  }
}

TEST(Honest, SparseSeriesHaveAScale) {
  std::string sparse = "value\n" + repeated("0\n", 30);
  for (int i = 0; i < 30; ++i) sparse += i % 3 == 2 ? "3\n" : "0\n";
  const std::string spike = "value\n" + repeated("5\n", 59) + "500\n";
  const std::string fine = "value\n" + repeated("0.5\n", 40) + "0.7\n" + repeated("9.25\n", 10);
  for (const char* method : {"ewma", "cusum", "bocpd"}) {
    for (const auto& [rows, scale] :
         {std::pair{sparse, "Poisson"}, {spike, "Poisson"}, {fine, "mean deviation"}}) {
      const auto out = stats_detect(table(rows), Json::object().set("method", method));
      ASSERT_TRUE(out) << method << out.error().text();
      EXPECT_EQ(out->find("refused"), nullptr) << method << out->dump();
      EXPECT_GT((*out)["found"].int_or(0), 0) << method << rows.substr(100);
      EXPECT_THAT(std::string((*out)["scale"].string_or("")), HasSubstr(scale)) << method;
    }
  }
  for (const std::string& rows : {sparse, spike}) {
    const auto counts = stats_detect(table(rows), json(R"({"method":"bocpd","counts":true})"));
    ASSERT_TRUE(counts) << counts.error().text();
    EXPECT_GT((*counts)["found"].int_or(0), 0) << rows.substr(100);
  }
  const auto zeros = stats_detect(table("value\n" + repeated("0\n", 60)),
                                  json(R"({"method":"bocpd","counts":true})"));
  ASSERT_TRUE(zeros) << zeros.error().text();
  EXPECT_EQ((*zeros)["found"].int_or(9), 0);
  // A single event now and then is no news.
  std::string rare = "value\n";
  for (int i = 0; i < 400; ++i) rare += i % 50 == 49 ? "1\n" : "0\n";
  for (const char* method : {"ewma", "cusum", "bocpd"}) {
    const auto out = stats_detect(table(rare), Json::object().set("method", method));
    ASSERT_TRUE(out) << method << out.error().text();
    EXPECT_EQ((*out)["found"].int_or(9), 0) << method;
  }
  // Given, nothing is learnt and nothing refused.
  const auto given = stats_detect(table("value\n" + repeated("5\n", 9)),
                                  json(R"({"method":"ewma","target":5,"deviation":1})"));
  ASSERT_TRUE(given) << given.error().text();
  EXPECT_EQ((*given)["scale"].string_or(""), "given");
  EXPECT_EQ(given->find("refused"), nullptr);
}

TEST(Honest, StepsWithoutNoiseHaveNoP) {
  const auto step = stats_detect(table("value\n" + repeated("1\n", 10) + repeated("2\n", 10)),
                                 json(R"({"method":"changepoint"})"));
  ASSERT_TRUE(step) << step.error().text();
  EXPECT_EQ((*step)["found"].int_or(0), 1);
  EXPECT_EQ((*step)["last_before"].int_or(0), 9);
  EXPECT_DOUBLE_EQ((*step)["mean_after"].number_or(0), 2);
  EXPECT_TRUE((*step)["p"].is_null());
  EXPECT_TRUE((*step)["likelihood_ratio"].is_null());
  EXPECT_NE((*step)["note"].string_or(""), "");
  // Without a change the means are those of the two parts, not 0.
  std::string level = "time,value\n";
  for (int i = 0; i < 30; ++i) level += fmt::format("{},{}\n", i, i == 7 ? "" : i % 2 ? "11" : "9");
  const auto none = stats_detect(table(level), json(R"({"method":"changepoint"})"));
  ASSERT_TRUE(none) << none.error().text();
  EXPECT_EQ((*none)["found"].int_or(9), 0);
  EXPECT_NEAR((*none)["mean_before"].number_or(0), 10, 1);
  EXPECT_NEAR((*none)["mean_after"].number_or(0), 10, 1);
}

TEST(Honest, UpliftWithoutATestDoesNotSpeakOfEvidence) {
  std::string rows = "treatment,outcome,score\n";
  for (int i = 0; i < 200; ++i) {
    rows += fmt::format("{},{},{}\n", i % 2, 10 + (i * 7) % 13 + i % 2, (i * 11) % 17);
  }
  const auto out = stats_uplift(table(rows), json(R"({"score":"score"})"));
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_THAT(std::string((*out)["plain"]["en"].string_or("")), HasSubstr("was not tested"));
  EXPECT_NE((*out)["evidence_refused"].string_or(""), "");
  // Nobody was treated as the policy would have it.
  const auto policy = stats_uplift(
      table("treatment,outcome,score\n" + repeated("1,1,-1\n1,0,-2\n0,1,1\n0,0,2\n", 30)),
      json(R"({"score":"score","share":1})"));
  ASSERT_TRUE(policy) << policy.error().text();
  EXPECT_NE((*policy)["policy"]["refused"].string_or(""), "");
}

TEST(Honest, AliasesAreFollowedToThePerson) {
  const Table rows = table("person,time\na,2026-03-01\nb,2026-03-02\nc,2026-03-03\nd,2026-03-03\n");
  for (const char* aliases :
       {R"({"a":"b","b":"c"})", R"({"b":"c","a":"b","c":"c"})", R"({"a":"c","b":"c"})"}) {
    const auto out = retention(rows, Json::object().set("aliases", json(aliases)));
    ASSERT_TRUE(out) << out.error().text();
    EXPECT_EQ((*out)["people"].int_or(0), 2) << aliases;
  }
}

TEST(Honest, ChangePointsSayHowOftenNoiseShowsOne) {
  std::string rows = "value\n";
  for (int i = 0; i < 60; ++i) rows += fmt::format("{}\n", (i * 37) % 11 + (i < 5 ? 12 : 0));
  const auto out = stats_detect(table(rows), json(R"({"method":"changepoint"})"));
  ASSERT_TRUE(out) << out.error().text();
  EXPECT_EQ((*out)["found"].int_or(0), 1);
  EXPECT_GT((*out)["p"].number_or(0), 3 * (*out)["p_at_place"].number_or(9));
  EXPECT_THAT(std::string((*out)["plain"]["en"].string_or("")), HasSubstr("somewhere"));
}

TEST(Honest, EverybodyGoneHasNoInterval) {
  const auto out = retention(table("duration\n1\n2\n3\n"), json(R"({"kind":"survival"})"));
  ASSERT_TRUE(out) << out.error().text();
  const Json& last = (*out)["curves"].if_array()->at(0)["steps"].if_array()->back();
  EXPECT_DOUBLE_EQ(last["survival"].number_or(9), 0);
  EXPECT_TRUE(last["se"].is_null());
  EXPECT_TRUE(last["interval"].if_array()->at(0).is_null());
  const auto one = retention(table("person,time\na,2026-03-01\n"), json("{}"));
  EXPECT_THAT(std::string((*one)["plain"]["en"].string_or("")), HasSubstr("one period only"));
}

TEST(Honest, PredictionsCountInTheUnitOfTheFit) {
  const Table orders = table(
      "customer,date,amount\na,2026-01-01,5\na,2026-02-01,6\na,2026-03-01,7\nb,2026-01-15,5\n");
  const std::string fit =
      R"("fit":{"unit_days":1,"parameters":{"r":0.243,"alpha":30,"a":0.793,"b":2.426}},"horizon":30)";
  const auto own = value_predict(orders, json("{" + fit + "}"));
  ASSERT_TRUE(own) << own.error().text();
  const auto said = value_predict(orders, json(R"({"unit":1,)" + fit + "}"));
  ASSERT_TRUE(said) << said.error().text();
  EXPECT_EQ((*own)["customers"], (*said)["customers"]);
  EXPECT_THAT(std::string((*own)["plain"]["en"].string_or("")), HasSubstr("within 30 days"));
  EXPECT_EQ(value_predict(orders, json(R"({"unit":7,)" + fit + "}")).error().field, "unit");
}

TEST(Honest, SumsGiveWhatRowsGive) {
  const Table rows = table(
      "shop,treatment,after,outcome\n"
      "a,0,0,10\na,0,1,11\nb,0,0,12\nb,0,1,16\nc,0,0,9\nc,0,1,9\n"
      "d,1,0,20\nd,1,1,26\ne,1,0,22\ne,1,1,25\nf,1,0,19\nf,1,1,27\n");
  const std::string cells =
      R"("control":{"before":{"n":3,"sum":31,"sum_squares":325},"after":{"n":3,"sum":36,"sum_squares":458}%},)"
      R"("treated":{"before":{"n":3,"sum":61,"sum_squares":1245},"after":{"n":3,"sum":78,"sum_squares":2030}%})";
  const auto with = [&](std::string_view a, std::string_view b) {
    std::string out = cells;
    out.replace(out.find('%'), 1, a);
    out.replace(out.find('%'), 1, b);
    return json("{\"sums\":{" + out + "}}");
  };
  const auto four = stats_did(Table{}, with("", ""));
  const auto panel = stats_did(Table{}, with(R"(,"sum_products":383)", R"(,"sum_products":1583)"));
  const auto of_rows = stats_did(rows, json("{}"));
  const auto of_units = stats_did(rows, json(R"({"unit":"shop"})"));
  ASSERT_TRUE(four && panel && of_rows && of_units);
  for (const auto& [sums, data] : {std::pair{&*four, &*of_rows}, {&*panel, &*of_units}}) {
    for (const char* number : {"estimate", "se", "p", "dof"}) {
      EXPECT_NEAR((*sums)[number].number_or(9), (*data)[number].number_or(-9), 1e-9) << number;
    }
    EXPECT_EQ((*sums)["method"], (*data)["method"]);
  }
  EXPECT_EQ(stats_did(rows, with("", "")).error().field, "sums");
}

}  // namespace
}  // namespace zhiyin::statistics
