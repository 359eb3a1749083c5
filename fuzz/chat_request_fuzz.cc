// Requests of clients and schemas in them: what a schema's grammar makes keeps to the schema.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "model/generate/chat_completion.h"
#include "model/generate/json_schema.h"
#include "model/generate/schema_grammar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zhiyin;
  using namespace zhiyin::model;
  const auto json = parse_json({reinterpret_cast<const char*>(data), size}, 1 << 16);
  if (!json) return 0;
  (void)chat_completion::parse(*json);
  const auto schema = JsonSchema::parse(*json);
  if (!schema) return 0;
  const auto grammar = grammar_of(*schema);
  if (!grammar) return 0;
  ZHIYIN_CHECK(!grammar->to_gbnf().empty());
  Random random(size);
  const std::string text = grammar->sample(random);
  const auto value = parse_json(text, 64 << 20);
  ZHIYIN_CHECK(value);
  ZHIYIN_CHECK(schema->validate(*value));
  return 0;
}
