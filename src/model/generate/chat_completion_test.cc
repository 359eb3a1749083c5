#include "model/generate/chat_completion.h"

#include <gmock/gmock.h>

namespace zhiyin::model::chat_completion {
namespace {

Result<Asked> parsed(std::string_view text) { return parse(*parse_json(text)); }

TEST(ChatCompletion, ReadsWhatClientsSend) {
  const auto asked = parsed(R"({"model":"any","stream":true,"stream_options":{"include_usage":true},
    "messages":[{"role":"developer","content":"s"},{"role":"user","content":[{"type":"text","text":"你"},
    {"type":"text","text":"好"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function",
    "function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"ok"}],
    "max_completion_tokens":7,"temperature":0,"stop":"END","seed":5,"user":"u1","n":1,
    "response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}}})");
  ASSERT_TRUE(asked) << asked.error().text();
  EXPECT_TRUE(asked->stream && asked->usage_at_end);
  ASSERT_EQ(asked->request.messages.size(), 4);
  EXPECT_EQ(asked->request.messages[0].role, ChatRole::kSystem);
  EXPECT_EQ(asked->request.messages[1].content, "你好");
  EXPECT_EQ(asked->request.messages[2].tool_calls[0].name, "f");
  EXPECT_EQ(asked->request.tokens_max, 7);
  EXPECT_EQ(asked->request.stop, std::vector<std::string>{"END"});
  EXPECT_EQ(asked->request.format.kind, OutputFormat::Kind::kJsonSchema);
}

TEST(ChatCompletion, WithoutALimitALongTextHasRoom) {
  const auto asked = parsed(R"({"messages":[{"role":"user","content":"x"}]})");
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->request.tokens_max, 4096);
}

TEST(ChatCompletion, RefusesByNameWhatWouldChangeTheAnswer) {
  const auto field = [](std::string_view more) {
    const auto asked =
        parsed(fmt::format(R"({{"messages":[{{"role":"user","content":"x"}}]{}}})", more));
    return asked ? std::string("taken") : asked.error().field;
  };
  EXPECT_EQ(field(""), "taken");
  EXPECT_EQ(field(R"(,"n":2)"), "n");
  EXPECT_EQ(field(R"(,"logprobs":true)"), "logprobs");
  EXPECT_EQ(field(R"(,"presence_penalty":0.5)"), "presence_penalty");
  EXPECT_EQ(field(R"(,"audio":{})"), "audio");
  EXPECT_EQ(field(R"(,"stream":"yes")"), "stream");
  EXPECT_EQ(field(R"(,"tool_choice":"some")"), "tool_choice");
  EXPECT_EQ(field(R"(,"tool_choice":{"type":"function","function":{"name":"f"}})"), "taken");
  EXPECT_EQ(field(R"(,"max_tokens":0)"), "max_tokens");
  EXPECT_EQ(field(R"(,"temperature":"hot")"), "temperature");
  EXPECT_EQ(field(R"(,"response_format":{"type":"xml"})"), "response_format.type");
  EXPECT_EQ(field(R"(,"tools":[{"type":"web"}])"), "tools[0].type");
  EXPECT_EQ(parsed(R"({"messages":[{"role":"robot","content":"x"}]})").error().field,
            "messages[0].role");
  EXPECT_EQ(
      parsed(R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})").error().field,
      "messages[0].content[0]");
  EXPECT_EQ(parsed(R"({})").error().field, "messages");
}

TEST(ChatCompletion, AnswersInTheSameShape) {
  Generation generation;
  generation.text = "好";
  generation.model = "m";
  generation.usage = {3, 1, false};
  const Json json = answer(generation, "id-1", Instant{5'000'000});
  EXPECT_EQ(json["object"].string_or(""), "chat.completion");
  EXPECT_EQ(json["created"].int_or(0), 5);
  const Json& choice = json["choices"].if_array()->front();
  EXPECT_EQ(choice["message"]["content"].string_or(""), "好");
  EXPECT_EQ(choice["finish_reason"].string_or(""), "stop");
  EXPECT_EQ(json["usage"]["total_tokens"].int_or(0), 4);
  EXPECT_EQ(event(Json().set("a", 1)), "data: {\"a\":1}\n\n");
  EXPECT_EQ(error({ErrorCode::kLimitReached, "full", {}})["error"]["type"].string_or(""),
            "rate_limit_error");
}

TEST(ChatCompletion, ARefusalStandsInsteadOfTheContent) {
  Generation generation;
  generation.refusal = "不能回答";
  const Json json = answer(generation, "id-1", Instant{});
  const Json& message = json["choices"].if_array()->front()["message"];
  EXPECT_EQ(message["refusal"].string_or(""), "不能回答");
  EXPECT_TRUE(message["content"].is_null());
  const Json chunk = refusal_chunk(generation, "id-1", Instant{});
  EXPECT_EQ(chunk["choices"].if_array()->front()["delta"].dump(), R"({"refusal":"不能回答"})");

  // Clients send it back as part of the conversation.
  const auto asked = parse(*parse_json(
      R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"refusal":"no"},)"
      R"({"role":"assistant","content":[{"type":"refusal","refusal":"never"}]},{"role":"user","content":"b","refusal":null}]})"));
  ASSERT_TRUE(asked) << asked.error().text();
  EXPECT_EQ(asked->request.messages[1].content, "no");
  EXPECT_EQ(asked->request.messages[2].content, "never");
  EXPECT_EQ(asked->request.messages[3].content, "b");
}

}  // namespace
}  // namespace zhiyin::model::chat_completion
