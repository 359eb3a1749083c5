#include "wechat/detail/listing.h"
#include "wechat/insight.h"

namespace zhiyin::wechat {

std::span<const ListedMethod> listed_insight() {
  static const ListedMethod kList[] = {
      listed<kUserSummary>(),       listed<kUserCumulate>(),  listed<kArticleSummary>(),
      listed<kArticleTotal>(),      listed<kUserRead>(),      listed<kUserReadHour>(),
      listed<kUserShare>(),         listed<kUserShareHour>(), listed<kArticleRead>(),
      listed<kArticleShare>(),      listed<kBizSummary>(),    listed<kArticleTotalDetail>(),
      listed<kUpstream>(),          listed<kUpstreamHour>(),  listed<kUpstreamWeek>(),
      listed<kUpstreamMonth>(),     listed<kUpstreamDist>(),  listed<kUpstreamDistWeek>(),
      listed<kUpstreamDistMonth>(), listed<kInterface>(),     listed<kInterfaceHour>(),
      listed<kMiniSummary>(),       listed<kMiniVisits>(),    listed<kMiniVisitsWeek>(),
      listed<kMiniVisitsMonth>(),   listed<kMiniRetained>(),  listed<kMiniRetainedWeek>(),
      listed<kMiniRetainedMonth>(), listed<kMiniPages>(),     listed<kMiniDistribution>(),
      listed<kMiniPortrait>(),
  };
  return kList;
}

}  // namespace zhiyin::wechat
