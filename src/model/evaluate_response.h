#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/feature_table.h"

namespace zhiyin::model {

/// A file as features: numeric columns as they are, text columns with few values one column per
/// value; the rest is ignored and reported.
struct CsvFeatures {
  FeatureTable table;
  std::vector<std::pair<std::string, std::string>> ignored;  ///< column, reason
  std::vector<std::string> classes;  ///< the two label values: negative, positive
  std::size_t unlabelled = 0;        ///< rows without a label, left out
};
/// Which label value means "responded": `positive` when it is given; of two numbers the larger one;
/// else the usual word (yes, 是, true, …) or what is not the usual word for its contrary (no, 否,
/// …); else what sorts last. Fails with kInvalidArgument when the label column is missing, constant
/// or not binary, or has no `positive`.
Result<CsvFeatures> features_from_csv(const std::filesystem::path& path, const std::string& label,
                                      const std::vector<std::string>& exclude = {},
                                      const std::string& positive = "");

struct EvaluateResponseArgs {
  std::filesystem::path data;
  std::string label;
  std::uint64_t seed = 1;
  std::vector<std::string>
      exclude;  ///< columns to leave out (what is known only after the response)
  std::function<bool(double)> progress;  ///< share done; false cancels
  std::string positive;  ///< the label value that means "responded"; empty: found out
};
/// `zhiyin evaluate response`:
/// {"model","rows","split","metrics":{…},"intervals":{…},"at_half":{…},"per_class":[…],
/// "confusion":[[…]],"classes":[…],"unlabelled","coefficients":[…],"ignored":[…],"warnings":[…]},
/// measured on the test part.
Result<Json> evaluate_response(const EvaluateResponseArgs& args);

}  // namespace zhiyin::model
