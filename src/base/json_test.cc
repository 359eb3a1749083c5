#include <gtest/gtest.h>

#include "base/json_binding.h"
#include "base/strict_json.h"

namespace zhiyin {
namespace {
enum class Colour { kRed, kBlue };
struct Part {
  std::string name;
  double weight = 1;
};
struct Order {
  std::string id;
  std::int64_t amount = 0;
  std::optional<std::string> note;
  std::vector<Part> parts;
  Colour colour = Colour::kRed;
};
}  // namespace

template <>
struct EnumNames<Colour> {
  static constexpr std::pair<Colour, std::string_view> list[] = {{Colour::kRed, "red"},
                                                                 {Colour::kBlue, "blue"}};
};
template <>
struct Fields<Part> {
  static constexpr std::string_view name = "Part";
  static constexpr auto list =
      field_list(field("name", &Part::name, "what it is").length(1, 10),
                 field("weight", &Part::weight, "kg").range(0, 5).optional());
};
template <>
struct Fields<Order> {
  static constexpr std::string_view name = "Order";
  static constexpr auto list =
      field_list(field("id", &Order::id, ""), field("amount", &Order::amount, "fen").range(1, 100),
                 field("note", &Order::note, ""), field("parts", &Order::parts, "").optional(),
                 field("colour", &Order::colour, "").optional());
};

namespace {

Error error_of(std::string_view text) {
  const auto order = from_json<Order>(*parse_json(text));
  return order ? Error{} : order.error();
}

TEST(Json, RoundTripKeepsValuesAndOrder) {
  const std::string text =
      R"({"b":1,"a":[true,null,-2.5,"知\n\"x\""],"big":9007199254740993,"e":{}})";
  EXPECT_EQ(parse_json(text)->dump(), text);
}

TEST(Json, EveryFiniteDoubleComesBackAsItWas) {
  for (const double value : {0.0, -0.5, 1e15, 9007199254740992.0, 9007199254740994.0,
                             3.3333333333333332e19, -1e20, 1e300, 5e-324}) {
    const auto back = parse_json(Json(value).dump());
    ASSERT_TRUE(back) << Json(value).dump();
    EXPECT_EQ(back->number_or(-1), value) << Json(value).dump();
  }
}

TEST(Json, RefusesGarbageDepthAndSize) {
  EXPECT_FALSE(parse_json("{\"a\":"));
  EXPECT_FALSE(parse_json("\"\xff\""));
  EXPECT_FALSE(parse_json(std::string(100, '[') + std::string(100, ']')));
  EXPECT_FALSE(parse_json("[1,2,3]", 3));
}

TEST(JsonBinding, ReadsAStructWithDefaults) {
  const auto order = from_json<Order>(
      *parse_json(R"({"id":"a","amount":5,"parts":[{"name":"x"}],"colour":"blue"})"));
  ASSERT_TRUE(order) << order.error().text();
  EXPECT_EQ(order->amount, 5);
  EXPECT_FALSE(order->note);
  EXPECT_EQ(order->parts.at(0).weight, 1);
  EXPECT_EQ(order->colour, Colour::kBlue);
  EXPECT_EQ(to_json(*order).dump(),
            R"({"id":"a","amount":5,"parts":[{"name":"x","weight":1}],"colour":"blue"})");
}

TEST(JsonBinding, ErrorsNameThePath) {
  EXPECT_EQ(error_of(R"({"id":"a"})").text(), "amount: is missing");
  EXPECT_EQ(error_of(R"({"id":"a","amount":"5"})").text(),
            "amount: expected an integer, got \"5\"");
  EXPECT_EQ(error_of(R"({"id":"a","amount":500})").text(), "amount: 500 is not between 1 and 100");
  EXPECT_EQ(
      error_of(R"({"id":"a","amount":5,"parts":[{"name":"x"},{"name":"y","weight":9}]})").field,
      "parts[1].weight");
  EXPECT_EQ(error_of(R"({"id":"a","amount":5,"parts":[{"name":""}]})").text(),
            "parts[0].name: is empty");
  EXPECT_EQ(error_of(R"({"id":"a","amount":5,"colour":"green"})").text(),
            "colour: 'green' is not one of red, blue");
  EXPECT_EQ(error_of(R"({"id":"a","amout":5,"amount":5})").text(),
            "amout: is not a known member; did you mean 'amount'?");
  EXPECT_EQ(error_of("[]").text(), "expected an object, got array");
}

TEST(JsonBinding, SchemaComesFromTheSameList) {
  const Json s = json_schema<Order>();
  EXPECT_EQ(s["required"].dump(), R"(["id","amount"])");
  EXPECT_EQ(s["properties"]["amount"]["maximum"].number_or(0), 100);
  EXPECT_EQ(s["properties"]["colour"]["enum"].dump(), R"(["red","blue"])");
}

TEST(StrictJson, EqualKeysAreRefusedAtAnyDepth) {
  EXPECT_EQ((*parse_json(R"({"a":1,"a":2})"))["a"].int_or(0), 2);
  for (const std::string_view text : {R"({"a":1,"a":2})", R"({"b":[{"a":1,"c":{},"a":1}]})",
                                      R"({"x":{"a":{},"a":{}}})", R"({"a":1,"\u0061":2})"}) {
    const auto refused = parse_strict_json(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().message, "json: has a more than once");
  }
  EXPECT_TRUE(parse_strict_json(R"({"a":{"a":[{"a":1},{"a":1}]},"A":1})"));
  EXPECT_FALSE(parse_strict_json("{"));
  EXPECT_FALSE(parse_strict_json("{}", 1));
}

/// Byte by byte, as RFC 8259 says it.
std::string plainly(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (u < 0x20) {
      out += fmt::format("\\u{:04x}", u);
    } else {
      out += c;
    }
  }
  return out + '"';
}

TEST(Json, WritesEveryByteAtEveryPlace) {
  for (int c = 0; c < 256; ++c) {
    for (std::size_t at = 0; at < 20; ++at) {
      std::string text(20, 'x');
      text[at] = static_cast<char>(c);
      text[(at + 3) % text.size()] = '\xe7';
      std::string out;
      append_json_string(out, text);
      ASSERT_EQ(out, plainly(text)) << c << " at " << at;
    }
  }
  std::uint64_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t i = 0; i < static_cast<std::size_t>(round) % 50; ++i) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      text += "ab\"\\\n\x01\x1f \x7f\x80\xff!#[]"[state >> 60];
    }
    std::string out;
    append_json_string(out, text);
    ASSERT_EQ(out, plainly(text));
  }
}

}  // namespace
}  // namespace zhiyin
