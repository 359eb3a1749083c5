// Products of bytes by AMX's tiles, for kernels_amx.cc and for tests. Included after kernel_body.h
// inside a namespace of the including file's own. `Tiles` carries out the instructions: the
// processor's, or a model of them in plain C++.
//
// A panel of weights, [input / 4][column][input % 4], is what the instruction wants of its second
// factor as it lies: sixteen groups of it are a tile. Rows of bytes are the first factor as they
// lie. Nothing is ever read beyond either: tiles are as high and as wide as divides the product.

/// Groups of a row that a tile takes: the most that divide all of them, so that none are left over.
inline Size tile_depth(Size groups) {
  Size depth = kTileRowBytes / kGroup;
  while (groups % depth != 0) --depth;
  return depth;
}

/// Up to three tiles of rows are multiplied together, by so many panels that at least three sums
/// are under way: a product of tiles takes three times as long as the next one waits to begin.
/// Sums come first among the eight tiles, then rows, then weights, which take turns.
template <int R>
struct TileNumbers {
  static constexpr int kPanels = R == 1 ? 4 : R == 2 ? 2 : 1;
  static constexpr int kFirstRow = R * kPanels;
  static constexpr int kFirstWeight = kFirstRow + R;
  static constexpr int kWeights = static_cast<int>(kTiles) - kFirstWeight;
  static constexpr int sum(int r, int p) { return r * kPanels + p; }
  static constexpr int row(int r) { return kFirstRow + r; }
  static constexpr int weight(int p) { return kFirstWeight + p % kWeights; }

  static TileConfig config(Size height, Size depth) {
    TileConfig out = {};
    out.palette = 1;
    for (int tile = 0; tile < static_cast<int>(kTiles); ++tile) {
      const bool rows = tile >= kFirstRow && tile < kFirstWeight;
      out.rows[tile] = static_cast<std::uint8_t>(tile < kFirstWeight ? height : depth);
      out.row_bytes[tile] = static_cast<std::uint16_t>(rows ? depth * kGroup : kTileRowBytes);
    }
    return out;
  }
};

/// Rows of one pass: `height` from each of the R numbers in `first`.
template <int R>
struct TileRows {
  const Int8Product* product;
  Size first[R];
  Size height;
  Size depth;
};

/// P panels of a pass. `next`: weights that are read afterwards.
template <int R, int P, class Tiles>
inline void tile_panels(Tiles& tiles, const TileRows<R>& at, Size panel, Ahead ahead) {
  using Number = TileNumbers<R>;
  static_assert(P <= Number::kPanels);
  const Int8Product t = *at.product;  // a copy: stores cannot change it
  alignas(64) std::int32_t sums[R * P][kTileRows * kPanel];
  times<R * P>([&](auto i)
                   ZHIYIN_INLINE { tiles.template zero<Number::sum(int{i} / P, int{i} % P)>(); });
  const Size panel_bytes = t.groups * 64;
  for (Size g = 0; g < t.groups; g += at.depth) {
    times<R>([&](auto r) ZHIYIN_INLINE {
      tiles.template load<Number::row(int{r})>(t.a + at.first[int{r}] * t.a_stride + g * kGroup,
                                               t.a_stride);
    });
    times<P>([&](auto p) ZHIYIN_INLINE {
      tiles.template load<Number::weight(int{p})>(
          t.panels + (panel + std::size_t{p}) * panel_bytes + g * 64, 64);
      times<R>([&](auto r) ZHIYIN_INLINE {
        tiles.template multiply<Number::sum(int{r}, int{p}), Number::row(int{r}),
                                Number::weight(int{p})>();
      });
    });
    for (Size i = 0; i < at.depth; ++i) fetch<P>(ahead);
  }
  times<R * P>([&](auto i) ZHIYIN_INLINE {
    tiles.template store<Number::sum(int{i} / P, int{i} % P)>(sums[int{i}], 64);
  });
  for (Size p = 0; p < P; ++p) {
    const Size column = (panel + p) * kPanel;
    const ColumnSums column_sums = load_sums(t.column_sums + column);
    for (Size r = 0; r < R; ++r) {
      for (Size line = 0; line < at.height; ++line) {
        Int16s whole;
        __builtin_memcpy(&whole, sums[r * P + p] + line * kPanel, sizeof whole);
        finish_int8(t, at.first[r] + line, column, whole, column_sums);
      }
    }
  }
}

/// All panels of a pass.
template <int R, class Tiles>
inline void tile_pass(Tiles& tiles, const TileRows<R>& at) {
  constexpr Size kPanels = TileNumbers<R>::kPanels;
  const Int8Product& t = *at.product;
  const Size panels = t.columns / kPanel, panel_bytes = t.groups * 64;
  const auto ahead_at = [&](Size next) {
    const bool ends = next == panels && t.next != nullptr;
    const void* const from = ends ? t.next : t.panels + next * panel_bytes;
    return ahead_of(from, panel_bytes, t.groups, 0, 1);
  };
  tiles.configure(TileNumbers<R>::config(at.height, at.depth));
  Size panel = 0;
  for (; panel + kPanels <= panels; panel += kPanels)
    tile_panels<R, kPanels>(tiles, at, panel, ahead_at(panel + kPanels));
  for (; panel < panels; ++panel) tile_panels<R, 1>(tiles, at, panel, ahead_at(panel + 1));
  // Afterwards there is nothing in the tiles for the system to save.
  tiles.release();
}

/// `task.row_count` >= 1.
template <class Tiles>
inline void tile_product(Tiles& tiles, const Int8Product& task) {
  // Tiles of the same height, so that one configuration does; where that makes a row too many the
  // last tile begins above the end of the one before it and computes the same bits again.
  const Size count = tile_count(task.row_count, static_cast<int>(kTileRows));
  const Size height = (task.row_count + count - 1) / count;
  const Size depth = tile_depth(task.groups);
  const auto first = [&](Size tile) {
    return tile + 1 < count ? tile * height : task.row_count - height;
  };
  for (Size tile = 0; tile < count;) {
    const Size left = count - tile;
    if (left == 1) {
      tile_pass<1>(tiles, {&task, {first(tile)}, height, depth});
      tile += 1;
    } else if (left == 3) {
      tile_pass<3>(tiles, {&task, {first(tile), first(tile + 1), first(tile + 2)}, height, depth});
      tile += 3;
    } else {
      tile_pass<2>(tiles, {&task, {first(tile), first(tile + 1)}, height, depth});
      tile += 2;
    }
  }
}
