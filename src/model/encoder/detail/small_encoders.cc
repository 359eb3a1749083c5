#include "model/encoder/detail/small_encoders.h"

#include <fmt/core.h>

#include <vector>

#include "base/json.h"

namespace zhiyin::model::testing {
namespace {

/// Uniform in [-1, 1) times `scale`; tools/golden.py draws the same.
float drawn(Random& random, float scale) {
  return static_cast<float>((random.uniform() * 2 - 1) * static_cast<double>(scale));
}

struct Directory {
  std::string records;
  std::string data;  // begins at a multiple of 64 that is known only at the end
  std::vector<std::pair<std::size_t, std::size_t>> places;  // record's offset field, data offset
  std::size_t count = 0;

  void add(std::string_view name, bool four_bit, std::size_t elements, Random& random) {
    data.resize((data.size() + 63) / 64 * 64);
    const std::size_t begin = data.size();
    if (four_bit) {
      for (std::size_t block = 0; block < elements / 32; ++block) {
        append(data, static_cast<std::uint16_t>(0x2000 + random.below(1024)));  // 2^-7 to 2^-6
        for (int i = 0; i < 16; ++i) append(data, static_cast<std::uint8_t>(random.below(256)));
      }
    } else {
      const float middle = name.ends_with("ln.w") ? 1 : 0;
      for (std::size_t i = 0; i < elements; ++i) append(data, middle + drawn(random, 0.1F));
    }
    append(records, static_cast<std::uint16_t>(name.size()));
    records += name;
    append(records, static_cast<std::uint8_t>(four_bit ? 1 : 0));
    append(records, static_cast<std::uint32_t>(elements));
    places.emplace_back(records.size(), begin);
    append(records, std::uint64_t{0});
    append(records, std::uint64_t{data.size() - begin});
    ++count;
  }
};

void add_pieces(std::string& out) {
  const std::string_view pieces[] = {"<s>", "<pad>", "</s>", "<unk>", "▁", "知", "音", "知音"};
  std::size_t end = 0;
  append(out, std::uint32_t{0});
  for (const std::string_view piece : pieces)
    append(out, static_cast<std::uint32_t>(end += piece.size()));
  for (int i = 0; i < 8; ++i) append(out, i < 4 ? 0.0F : -3.0F - static_cast<float>(i));
  for (const std::string_view piece : pieces) out += piece;
  std::string map;
  append(map, std::uint32_t{0x200B});
  append(map, std::uint8_t{0});
  append(map, std::uint32_t{0xFF0C});
  append(map, std::uint8_t{1});
  append(map, std::uint32_t{','});
  append(out, std::int32_t{2});
  append(out, static_cast<std::uint32_t>(map.size()));
  out += map;
}

Directory tensors_of_package(std::size_t width, std::size_t inner) {
  Random random(7);
  Directory out;
  out.add("emb.word", true, 9 * width, random);
  out.add("emb.pos", false, 16 * width, random);
  out.add("emb.type", false, 2 * width, random);
  out.add("emb.ln.w", false, width, random);
  out.add("emb.ln.b", false, width, random);
  for (int l = 0; l < 2; ++l) {
    const auto name = [l](std::string_view rest) { return fmt::format("l{}.{}", l, rest); };
    for (const std::string_view matrix : {"q", "k", "v", "ao"}) {
      out.add(name(fmt::format("{}.w", matrix)), true, width * width, random);
      out.add(name(fmt::format("{}.b", matrix)), false, width, random);
    }
    out.add(name("aln.w"), false, width, random);
    out.add(name("aln.b"), false, width, random);
    out.add(name("fi.w"), true, inner * width, random);
    out.add(name("fi.b"), false, inner, random);
    out.add(name("fo.w"), true, inner * width, random);
    out.add(name("fo.b"), false, width, random);
    out.add(name("oln.w"), false, width, random);
    out.add(name("oln.b"), false, width, random);
  }
  return out;
}

/// Collects tensors in the layout of safetensors.
struct Checkpoint {
  Json header = Json::object();
  std::string data;

  void add(const std::string& name, std::vector<std::size_t> shape, float middle, float scale,
           Random& random) {
    std::size_t elements = 1;
    Json extents = Json::array();
    for (const std::size_t extent : shape) {
      elements *= extent;
      extents.push(Json(extent));
    }
    const std::size_t begin = data.size();
    for (std::size_t i = 0; i < elements; ++i) append(data, middle + drawn(random, scale));
    Json entry = Json::object();
    entry.set("dtype", "F32");
    entry.set("shape", std::move(extents));
    entry.set("data_offsets", Json(Json::Array{Json(begin), Json(data.size())}));
    header.set(name, std::move(entry));
  }
  void add_linear(const std::string& name, std::size_t out, std::size_t in, Random& random) {
    add(name + ".weight", {out, in}, 0, 0.3F, random);
    add(name + ".bias", {out}, 0, 0.1F, random);
  }
  void add_norm(const std::string& name, std::size_t width, Random& random) {
    add(name + ".weight", {width}, 1, 0.2F, random);
    add(name + ".bias", {width}, 0, 0.1F, random);
  }
};

}  // namespace

std::string small_package() {
  constexpr std::int32_t kWidth = 32;
  constexpr std::int32_t kInner = 64;
  std::string out = "E5S1";
  append(out, std::uint32_t{1});
  for (const std::int32_t size : {kWidth, 2, 2, kInner, 9, 16, 2}) append(out, size);
  append(out, 1e-12F);
  append(out, std::int32_t{32});
  append(out, std::int32_t{8});
  for (const std::int32_t id : {0, 2, 1, 3}) append(out, id);
  append(out, std::uint64_t{3 + 5 + 4 + 5 + 3 + 3 + 3 + 6});
  add_pieces(out);
  Directory directory = tensors_of_package(kWidth, kInner);
  append(out, static_cast<std::int32_t>(directory.count));
  const std::size_t begin = (out.size() + directory.records.size() + 63) / 64 * 64;
  for (const auto& [field, offset] : directory.places) {
    const std::uint64_t place = begin + offset;
    std::memcpy(directory.records.data() + field, &place, sizeof place);
  }
  out += directory.records;
  out.resize(begin);
  return out + directory.data;
}

std::string small_checkpoint(const EncoderShape& shape, std::string_view prefix,
                             std::uint64_t seed) {
  Random random(seed);
  Checkpoint out;
  const std::string embeddings = fmt::format("{}embeddings.", prefix);
  out.add(embeddings + "word_embeddings.weight", {shape.vocabulary, shape.width}, 0, 1, random);
  out.add(embeddings + "position_embeddings.weight", {shape.positions, shape.width}, 0, 0.3F,
          random);
  out.add(embeddings + "token_type_embeddings.weight", {shape.token_types, shape.width}, 0, 0.3F,
          random);
  out.add_norm(embeddings + "LayerNorm", shape.width, random);
  for (std::size_t l = 0; l < shape.layers; ++l) {
    const std::string layer = fmt::format("{}encoder.layer.{}.", prefix, l);
    for (const char* name : {"query", "key", "value"})
      out.add_linear(layer + "attention.self." + name, shape.width, shape.width, random);
    out.add_linear(layer + "attention.output.dense", shape.width, shape.width, random);
    out.add_norm(layer + "attention.output.LayerNorm", shape.width, random);
    out.add_linear(layer + "intermediate.dense", shape.inner, shape.width, random);
    out.add_linear(layer + "output.dense", shape.width, shape.inner, random);
    out.add_norm(layer + "output.LayerNorm", shape.width, random);
  }
  std::string header = out.header.dump();
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string file;
  append(file, static_cast<std::uint64_t>(header.size()));
  return file + header + out.data;
}

std::string small_config(const EncoderShape& shape, std::string_view model_type) {
  Json out = Json::object();
  out.set("model_type", model_type);
  out.set("hidden_size", Json(shape.width));
  out.set("num_hidden_layers", Json(shape.layers));
  out.set("num_attention_heads", Json(shape.heads));
  out.set("intermediate_size", Json(shape.inner));
  out.set("vocab_size", Json(shape.vocabulary));
  out.set("max_position_embeddings", Json(shape.positions));
  out.set("type_vocab_size", Json(shape.token_types));
  out.set("layer_norm_eps", Json(static_cast<double>(shape.epsilon)));
  out.set("hidden_act", "gelu");
  out.set("pad_token_id", Json(shape.position_offset == 0 ? 0 : shape.position_offset - 1));
  return out.dump();
}

}  // namespace zhiyin::model::testing
