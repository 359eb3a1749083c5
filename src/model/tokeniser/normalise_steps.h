#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "model/tokeniser/aligned_text.h"
#include "model/tokeniser/precompiled_map.h"

/// The steps that a tokeniser's normaliser consists of, each as Hugging Face's of the same name.
namespace zhiyin::model::steps {

struct Bert {
  bool clean_text = true;
  bool isolate_han = true;
  bool strip_accents = true;
  bool lowercase = true;
};
struct Lowercase {};
struct StripAccents {};  ///< drops nonspacing marks that stand alone
/// A normal form of Unicode: decomposition in canonical order, then composition where asked for.
struct NormalForm {
  bool compatible = false;  ///< NFKD and NFKC instead of NFD and NFC
  bool composed = false;    ///< NFC and NFKC
};
struct Nmt {};  ///< controls away, odd spaces to spaces
struct Strip {
  bool left = true;
  bool right = true;
};
struct Prepend {
  std::string text;
};
/// Every occurrence of a text, or (`spaces_from` > 0) every run of at least so many spaces.
struct Replace {
  std::string from;
  std::string to;
  std::size_t spaces_from = 0;
};
/// One character at a time by a sorted list (the default encoder's package), runs of spaces as one.
struct CharacterMap {
  std::vector<std::pair<char32_t, std::u32string>> entries;
};
struct Precompiled {
  PrecompiledMap map;
};

/// Shared: tables are large, steps are copied with their tokeniser, and nobody changes them.
using Step = std::variant<Bert, Lowercase, StripAccents, NormalForm, Nmt, Strip, Prepend, Replace,
                          std::shared_ptr<const CharacterMap>, std::shared_ptr<const Precompiled>>;

void apply(const Step& step, AlignedText& text);
/// All in order.
void apply(const std::vector<Step>& steps, AlignedText& text);

}  // namespace zhiyin::model::steps
