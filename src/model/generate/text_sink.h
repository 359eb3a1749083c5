#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "model/generate/generator.h"
#include "model/generate/stop_texts.h"
#include "model/generate/utf8_assembler.h"

namespace zhiyin::model {

/// What every back end does with the bytes of an answer: makes characters of them, ends at stop
/// texts, hands on, collects, and watches for cancelling. Not thread-safe.
class TextSink {
 public:
  /// Both must outlive the sink.
  TextSink(const GenerateRequest& request, const OnText& on_text)
      : request_(request), on_text_(on_text), stop_(request.stop) {}

  /// False when nothing more is wanted: `finish()` says why.
  bool feed(std::string_view bytes);
  /// No more bytes come. The text so far, with the reason `natural` unless it ended before.
  Generation finish(FinishReason natural);
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Some of it was handed on: repeating would say it twice.
  [[nodiscard]] bool shown() const { return on_text_ && !text_.empty(); }
  /// The last bytes were part of a character.
  [[nodiscard]] bool cut_character() const { return cut_; }

 private:
  bool show(std::string piece);

  const GenerateRequest& request_;
  const OnText& on_text_;
  Utf8Assembler assembler_;
  StopTexts stop_;
  std::string text_;
  bool cancelled_ = false;
  bool cut_ = false;
};

/// Whether `generation` is of the asked format: kDataLoss when a text is no JSON or not of the
/// schema, or tool arguments are no JSON. Cancelled and plain texts and refusals always are.
Result<void> check_format(const GenerateRequest& request, const Generation& generation);

}  // namespace zhiyin::model
