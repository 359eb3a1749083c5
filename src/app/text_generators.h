#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "http/client.h"
#include "model/generate/generator.h"
#include "model/generate/spend_budget.h"

namespace zhiyin::app {

/// The generator that the options name, and what it may spend. What was spent today is kept in
/// `data/spend.json`, so that a restart does not refill the budgets; after a kill the last ten
/// seconds may be missing from it. Thread-safe.
class TextGenerators {
 public:
  /// `serving` false: the grounded writer, for commands, which are not to wait for a model.
  /// kInvalidArgument naming the option that is wrong. A GGUF model or llama.cpp that cannot be
  /// loaded is an error in the log, and the grounded writer writes instead. All must outlive it.
  static Result<std::unique_ptr<TextGenerators>> create(const Options& options,
                                                        http::Client& client, const Clock& clock,
                                                        Logger& logger, bool serving);
  virtual ~TextGenerators() = default;
  virtual model::Generator& generator() = 0;
  virtual model::SpendBudget& budget() = 0;
};

/// `generate.budgets`: `service=200000/500, content=0/2000` (tokens and fen a day by purpose; 0: no
/// end).
Result<std::map<std::string, model::SpendLimit, std::less<>>> parse_budgets(std::string_view text);

}  // namespace zhiyin::app
