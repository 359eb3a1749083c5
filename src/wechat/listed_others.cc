#include "wechat/detail/listing.h"
#include "wechat/tencent_ads.h"
#include "wechat/wecom.h"
#include "wechat/wecom_groups.h"
#include "wechat/wecom_handover.h"

namespace zhiyin::wechat {

std::span<const ListedMethod> listed_others() {
  static const ListedMethod kList[] = {
      listed<kWecomMembers>(),
      listed<kWecomContacts>(),
      listed<kWecomContact>(),
      listed<kWecomContactsOf>(),
      listed<kWecomRemark>(),
      listed<kWecomWayAdd>(),
      listed<kWecomWayGet>(),
      listed<kWecomWayUpdate>(),
      listed<kWecomWayDelete>(),
      listed<kWecomTags>(),
      listed<kWecomTagAdd>(),
      listed<kWecomTagEdit>(),
      listed<kWecomTagDelete>(),
      listed<kWecomMarkTag>(),
      listed<kWecomCloseTemporary>(),
      listed<kWecomContactByUnionid>(),
      listed<kWecomHandover>(),
      listed<kWecomHandoverResult>(),
      listed<kWecomGroupWayGet>(),
      listed<kWecomGroupWayUpdate>(),
      listed<kWecomGroupWayDelete>(),
      listed<kWecomGroupWelcomeAdd>(),
      listed<kWecomGroupWelcomeEdit>(),
      listed<kWecomGroupWelcomeGet>(),
      listed<kWecomGroupWelcomeDelete>(),
      listed<kWecomGroupFigures>(),
      listed<kWecomGroupDays>(),
      listed<kWecomMomentComments>(),
      listed<kWecomMassRemind>(),
      listed<kWecomMassCancel>(),
      listed<kWecomMassList>(),
      listed<kWecomMassTask>(),
      listed<kWecomMassResult>(),
      listed<kWecomGroups>(),
      listed<kWecomGroup>(),
      listed<kWecomGroupWayAdd>(),
      listed<kWecomMomentResult>(),
      listed<kWecomMomentList>(),
      listed<kWecomMomentTask>(),
      listed<kWecomMomentSendResult>(),
      listed<kWecomBehaviour>(),
      listed<kWecomArchiveMembers>(),
      listed<kWecomArchiveConsent>(),
      listed<kWecomArchiveRoomConsent>(),
      listed<kWecomArchiveRoom>(),
      listed<kWecomAppRecall>(),
      listed<kAdsAccounts>(),
      listed<kAdsFunds>(),
      listed<kAdsAdgroupAdd>(),
      listed<kAdsAdgroupUpdate>(),
      listed<kAdsAdgroupDelete>(),
      listed<kAdsAdgroups>(),
      listed<kAdsBudget>(),
      listed<kAdsBid>(),
      listed<kAdsStatus>(),
      listed<kAdsCreativeAdd>(),
      listed<kAdsCreatives>(),
      listed<kAdsReviews>(),
      listed<kAdsDailyReport>(),
      listed<kAdsHourlyReport>(),
      listed<kAdsActionSetAdd>(),
      listed<kAdsActionsAdd>(),
      listed<kAdsAudienceAdd>(),
      listed<kAdsAudiences>(),
  };
  return kList;
}

std::span<const ListedMethod> staff_methods() {
  static const ListedMethod kList[] = {listed<kWecomMassAdd>(), listed<kWecomMomentAdd>(),
                                       listed<kWecomWelcome>(), listed<kWecomAppSend>()};
  return kList;
}

}  // namespace zhiyin::wechat
