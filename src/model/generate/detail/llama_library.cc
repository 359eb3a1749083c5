#include "model/generate/detail/llama_library.h"

#include <dlfcn.h>

#include "base/mutex.h"
#include "base/utf8.h"

namespace zhiyin::model {
namespace {

constexpr std::size_t kReportBytes = 300;

/// llama.cpp has one log for the process, so there is one of these.
struct Report {
  Mutex mutex;
  std::string text ZHIYIN_GUARDED_BY(mutex);
};
Report& report() {
  static Report one;
  return one;
}

void note(ggml_log_level level, const char* text, void*) {
  if (level != GGML_LOG_LEVEL_ERROR && level != GGML_LOG_LEVEL_WARN) return;
  Report& to = report();
  MutexLock lock(to.mutex);
  to.text += text;
  if (to.text.size() > kReportBytes) to.text.erase(0, to.text.size() - kReportBytes);
}

template <class Function>
bool find(void* library, const char* name, Function& out) {
  void* found = ::dlsym(library, name);
  out = reinterpret_cast<Function>(found);
  return found != nullptr;
}

Result<void*> load(const std::filesystem::path& file) {
  // Never unloaded: llama.cpp keeps threads and registries that must not lose their code.
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    return fail(ErrorCode::kUnavailable, "llama.cpp: {}", ::dlerror());
  }
  return library;
}

}  // namespace

Result<std::shared_ptr<const LlamaLibrary>> LlamaLibrary::open(
    const std::filesystem::path& folder) {
  const auto main = folder / "libllama.v0.5.0.so";
  if (!std::filesystem::exists(main)) {
    return fail(ErrorCode::kNotFound, "llama.cpp: {} does not exist", main.string());
  }
  ZHIYIN_TRY(void* const base, load(folder / "libggml.v0.5.0.so"));
  ZHIYIN_TRY(void* const llama, load(main));
  auto out = std::make_shared<LlamaLibrary>();
  std::string missing;
#define ZHIYIN_FIND(name) \
  if (!find(llama, #name, out->name)) missing = #name;
  ZHIYIN_LLAMA_FUNCTIONS(ZHIYIN_FIND)
#undef ZHIYIN_FIND
  decltype(&::ggml_backend_load_all_from_path) load_kernels = nullptr;
  decltype(&::ggml_backend_reg_count) count_kernels = nullptr;
  if (!find(base, "ggml_backend_load_all_from_path", load_kernels) ||
      !find(base, "ggml_backend_reg_count", count_kernels)) {
    missing = "ggml_backend_load_all_from_path";
  }
  if (!missing.empty()) {
    return fail(ErrorCode::kUnavailable, "llama.cpp: {} has no {}: another version?", main.string(),
                missing);
  }
  out->llama_log_set(note, nullptr);
  if (count_kernels() == 0) load_kernels(folder.c_str());
  if (count_kernels() == 0) {
    return fail(ErrorCode::kUnavailable, "llama.cpp: no kernels for this processor in {}",
                folder.string());
  }
  out->llama_backend_init();
  return out;
}

std::string LlamaLibrary::last_report() {
  Report& from = report();
  MutexLock lock(from.mutex);
  std::string text = utf8::cleaned(from.text);
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

}  // namespace zhiyin::model
