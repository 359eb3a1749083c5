#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

/// The words from which the shop's articles, products and its customers' messages are made.
namespace zhiyin::sandbox {

inline constexpr std::size_t kTopicCount = 12;
inline constexpr std::size_t kStyleCount = 4;
inline constexpr std::size_t kNounCount = 3;

/// A narrower taste within a topic, with things that are sold for it.
struct Style {
  std::string_view name;
  std::array<std::string_view, kNounCount> nouns;
};

/// A field of interest of the shop's customers.
struct Topic {
  std::string_view name;
  std::string_view scene;  ///< where its things are used, for titles and texts
  std::int64_t price_fen;  ///< of a typical product
  std::array<Style, kStyleCount> styles;
};

std::span<const Topic, kTopicCount> topics();

/// Patterns with `{}` for style, noun and scene, in this order of arguments: 0 style, 1 noun, 2
/// scene, 3 topic, 4 a small number.
std::span<const std::string_view> article_titles();
std::span<const std::string_view> product_titles();
std::span<const std::string_view> sentences();
std::span<const std::string_view> authors();

/// What customers write to the account: 0 noun, 1 topic.
std::span<const std::string_view> customer_messages();
/// What they write below an article.
std::span<const std::string_view> comments();
/// Keys of the account's menu.
std::span<const std::string_view> menu_keys();
/// Scenes of the QR codes in the shop.
std::span<const std::string_view> scan_scenes();
/// Words by which a message speaks of a price advantage.
std::span<const std::string_view> bargain_words();

}  // namespace zhiyin::sandbox
