#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace zhiyin::recommend {

/// What impressions say about items while they come: how often each was clicked, and whose. Items
/// by dense number. Not thread-safe.
class ClickAffinity {
 public:
  /// `width`: length of a person's taste vector (Ials::fold_in, any scale).
  explicit ClickAffinity(std::size_t width) : width_(width), mean_(width, 0) {}

  /// (clicks + 1) / (shows + 10): the smoothed click rate so far; an item never shown has 1/10, so
  /// that new ones get a chance.
  [[nodiscard]] double rate(std::uint32_t item) const;
  /// How much closer a person is to those who clicked an item than to those who saw it: taste times
  /// (mean taste of clickers, drawn to 0 by `shrink` clicks, less that of viewers, drawn by 10
  /// times as many shows). Tastes are scaled to length 1 and centred on the mean so far; 0 for
  /// nobody.
  [[nodiscard]] double affinity(std::uint32_t item, std::span<const float> taste,
                                double shrink = 5) const;

  /// A list that was shown to somebody, with what they clicked of it.
  void learn(std::span<const std::uint32_t> items, const std::vector<bool>& clicked,
             std::span<const float> taste);

  struct Item {
    double clicks = 0;
    double shows = 0;
    std::vector<float> clickers;  ///< sum of centred tastes
    std::vector<float> viewers;
  };
  /// What is stored, and comes back: width() sums of tastes, how many people, items by number.
  [[nodiscard]] std::size_t width() const { return width_; }
  [[nodiscard]] std::span<const double> mean() const { return mean_; }
  [[nodiscard]] double people() const { return people_; }
  [[nodiscard]] const Item& item(std::uint32_t i) const { return items_[i]; }
  void restore(std::vector<double> mean, double people, std::vector<Item> items) {
    mean_ = std::move(mean);
    people_ = people;
    items_ = std::move(items);
  }

 private:
  [[nodiscard]] std::vector<float> centred(std::span<const float> taste) const;

  std::size_t width_;
  std::vector<Item> items_;
  std::vector<double> mean_;  ///< sum of tastes of length 1
  double people_ = 0;
};

}  // namespace zhiyin::recommend
