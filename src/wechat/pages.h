#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace zhiyin::wechat {

/// Where a page for people (`url`, on one of the platform's hosts) is for an account whose calls go
/// to `base`: a platform that is not Tencent's has its pages where its calls go. Pure.
inline std::string page_at(std::string_view base, std::string_view url) {
  constexpr std::string_view kSlashes = "://";
  const auto host_end = [&](std::string_view address) {
    const std::size_t at = address.find(kSlashes);
    const std::size_t begin = at == std::string_view::npos ? 0 : at + kSlashes.size();
    return std::min(address.find('/', begin), address.size());
  };
  std::string_view host = base.substr(0, host_end(base));
  if (const std::size_t at = host.find(kSlashes); at != std::string_view::npos)
    host.remove_prefix(at + kSlashes.size());
  host = host.substr(0, host.find(':'));
  if (host == "qq.com" || host.ends_with(".qq.com")) return std::string(url);
  while (base.ends_with('/')) base.remove_suffix(1);
  return std::string(base).append(url.substr(host_end(url)));
}

}  // namespace zhiyin::wechat
