#include "wechat/error_table.h"

#include <algorithm>

namespace zhiyin::wechat {
namespace {

using C = ErrorClass;
using E = ErrorCode;

// The platform's error codes, ascending. Single codes stand before a range that holds them.
// first, last, class, alerts, uncertain, retry after s, code, zh, en
constexpr PlatformError kTable[] = {
    {-1, -1, C::kRetry, false, true, 0, E::kUnavailable, "系统繁忙", "the platform is busy"},
    {0, 0, C::kOk, false, false, 0, E::kInternal, "成功", "done"},
    {10700, 10700, C::kUser, false, false, 0, E::kPermissionDenied, "对方未关注",
     "the recipient does not follow"},
    {10703, 10703, C::kUser, false, false, 0, E::kPermissionDenied, "对方关闭了接收消息",
     "the recipient has turned messages off"},
    {10706, 10706, C::kUser, false, false, 0, E::kLimitReached, "对方48小时内没有互动",
     "no interaction within 48 hours"},
    {40001, 40001, C::kToken, false, false, 0, E::kPermissionDenied,
     "AppSecret 错误或 access_token 无效", "wrong secret, or the access token is not the latest"},
    {40002, 40002, C::kNever, true, false, 0, E::kInvalidArgument, "grant_type 不正确",
     "wrong grant_type"},
    {40003, 40003, C::kUser, false, false, 0, E::kInvalidArgument,
     "OpenID 不正确（其他账号的或从未关注）", "bad openid: of another account, or never followed"},
    {40007, 40007, C::kNever, false, false, 0, E::kInvalidArgument, "media_id 无效或已过期",
     "bad media_id: expired, of another account, or a draft already used"},
    {40008, 40008, C::kNever, false, false, 0, E::kInvalidArgument, "消息类型不正确",
     "bad message type"},
    {40004, 40012, C::kNever, false, false, 0, E::kInvalidArgument,
     "媒体文件类型、大小或格式不正确", "bad type, size or format of media"},
    {40013, 40013, C::kNever, true, false, 0, E::kInvalidArgument, "AppID 不正确", "wrong AppID"},
    {40014, 40014, C::kToken, false, false, 0, E::kPermissionDenied, "access_token 无效",
     "the access token is not valid"},
    {40015, 40028, C::kNever, false, false, 0, E::kInvalidArgument, "菜单参数不正确",
     "bad menu parameter"},
    {40029, 40030, C::kNever, false, false, 0, E::kInvalidArgument, "授权码或 refresh_token 无效",
     "OAuth code or refresh_token is not valid"},
    {40031, 40032, C::kNever, false, false, 0, E::kInvalidArgument, "OpenID 列表不正确或过长",
     "bad or too long list of openids"},
    {40033, 40033, C::kNever, false, false, 0, E::kInternal, "请求包含 \\uXXXX 转义字符",
     "the body has \\uXXXX escapes"},
    {40035, 40035, C::kNever, false, false, 0, E::kInvalidArgument, "参数不正确", "bad parameter"},
    {40036, 40036, C::kNever, true, false, 0, E::kInvalidArgument, "template_id 长度不正确",
     "bad length of template_id"},
    {40037, 40037, C::kNever, true, false, 0, E::kInvalidArgument, "template_id 不正确",
     "bad template_id"},
    {40054, 40055, C::kNever, false, false, 0, E::kInvalidArgument, "菜单链接不正确",
     "bad address in a menu"},
    {40066, 40066, C::kNever, false, false, 0, E::kInvalidArgument, "URL 不正确", "bad URL"},
    {40097, 40097, C::kNever, false, false, 0, E::kInvalidArgument, "参数不正确", "bad parameter"},
    {40114, 40114, C::kNever, false, false, 0, E::kInvalidArgument, "图文序号不正确",
     "bad article index"},
    {40118, 40121, C::kNever, false, false, 0, E::kInvalidArgument, "media_id 大小或按钮类型不正确",
     "bad media_id size or button type"},
    {40125, 40125, C::kNever, true, false, 0, E::kPermissionDenied, "AppSecret 不正确",
     "wrong AppSecret"},
    {40129, 40129, C::kNever, false, false, 0, E::kInvalidArgument, "场景值不正确", "bad scene"},
    {40130, 40130, C::kNever, false, false, 0, E::kInvalidArgument, "群发至少需要两个 OpenID",
     "a mass send needs at least two openids"},
    {40137, 40137, C::kNever, false, false, 0, E::kInvalidArgument, "图片格式不支持",
     "picture format is not supported"},
    {40155, 40155, C::kNever, false, false, 0, E::kInvalidArgument, "不能添加其他账号主页的链接",
     "link to another account's home page"},
    {40163, 40163, C::kNever, false, false, 0, E::kInvalidArgument, "授权码已被使用",
     "the code was used already"},
    {40164, 40164, C::kNever, true, false, 0, E::kPermissionDenied, "调用接口的 IP 不在白名单中",
     "the caller's address is not on the white list"},
    {40165, 40165, C::kNever, false, false, 0, E::kInvalidArgument, "小程序页面路径不正确",
     "bad mini-program page"},
    {40201, 40203, C::kNever, false, false, 0, E::kInvalidArgument, "诊断参数不正确",
     "bad parameter of a diagnosis call"},
    {40212, 40212, C::kNever, false, false, 0, E::kInvalidArgument, "小程序 query 不正确",
     "bad mini-program query"},
    {40226, 40226, C::kUser, false, false, 0, E::kPermissionDenied, "高风险用户，登录被拦截",
     "high-risk user, sign-in blocked"},
    {40243, 40243, C::kNever, true, false, 0, E::kPermissionDenied, "AppSecret 已被冻结",
     "the AppSecret is frozen"},
    {41001, 41001, C::kNever, false, false, 0, E::kInternal, "缺少 access_token",
     "the access token is missing"},
    {41002, 41002, C::kNever, true, false, 0, E::kInvalidArgument, "缺少 AppID",
     "the AppID is missing"},
    {41004, 41004, C::kNever, true, false, 0, E::kInvalidArgument, "缺少 AppSecret",
     "the AppSecret is missing"},
    {41005, 41005, C::kNever, false, false, 0, E::kInvalidArgument, "缺少媒体文件",
     "the media is missing"},
    {41008, 41008, C::kNever, false, false, 0, E::kInvalidArgument, "缺少授权码",
     "the code is missing"},
    {41028, 41030, C::kNever, false, false, 0, E::kInvalidArgument, "form_id 或页面不正确",
     "bad form_id or page"},
    {42001, 42001, C::kToken, false, false, 0, E::kPermissionDenied, "access_token 已过期",
     "the access token has expired"},
    {42002, 42003, C::kNever, false, false, 0, E::kInvalidArgument, "refresh_token 或授权码已过期",
     "refresh_token or code has expired"},
    {42007, 42007, C::kNever, true, false, 0, E::kPermissionDenied, "用户修改了密码，需要重新授权",
     "the password was changed: authorise again"},
    {43001, 43003, C::kNever, false, false, 0, E::kInternal, "请求方式不正确",
     "wrong method or not HTTPS"},
    {43004, 43004, C::kUser, false, false, 0, E::kPermissionDenied, "对方未关注",
     "the recipient must follow"},
    {43019, 43019, C::kUser, false, false, 0, E::kPermissionDenied, "对方在黑名单中",
     "the recipient is on the black list"},
    {43101, 43101, C::kUser, false, false, 0, E::kPermissionDenied, "对方未同意接收或授权已用完",
     "the recipient did not consent, or the consent is used up"},
    {43104, 43104, C::kNever, false, false, 0, E::kInvalidArgument, "OpenID 与 AppID 不匹配",
     "openid and AppID do not match"},
    {43107, 43107, C::kNever, true, false, 0, E::kPermissionDenied, "订阅消息能力被封禁",
     "the subscribe-message capability is banned"},
    {43108, 43108, C::kRetry, false, false, 0, E::kUnavailable, "同时给同一用户发送消息",
     "concurrent sends to one person"},
    {43116, 43116, C::kNever, true, false, 0, E::kPermissionDenied, "模板已被停用",
     "the template is disabled"},
    {44001, 44001, C::kNever, false, false, 0, E::kInvalidArgument, "媒体文件为空",
     "the media is empty"},
    {44002, 44004, C::kNever, false, false, 0, E::kInvalidArgument, "请求、图文或文本内容为空",
     "empty body, articles or text"},
    {44990, 44990, C::kQuota, false, false, 1, E::kLimitReached, "超过每秒生成次数限制",
     "limit per second reached"},
    {44991, 44991, C::kQuota, false, false, 60, E::kLimitReached, "超过每分钟次数限制",
     "limit per minute reached"},
    {44993, 44993, C::kQuota, false, false, 0, E::kLimitReached, "超过每日次数限制",
     "limit per day reached"},
    {45001, 45001, C::kNever, false, false, 0, E::kInvalidArgument, "媒体文件过大",
     "the media is too large"},
    {45002, 45006, C::kNever, false, false, 0, E::kInvalidArgument, "内容、标题、摘要或链接过长",
     "content, title, digest or link is too long"},
    {45007, 45007, C::kNever, false, false, 0, E::kInvalidArgument, "语音播放时间过长",
     "the voice is too long"},
    {45008, 45008, C::kNever, false, false, 0, E::kInvalidArgument, "图文条数超过限制",
     "too many articles"},
    {45009, 45009, C::kQuota, true, false, 0, E::kLimitReached, "接口每日调用次数已用完",
     "the day's quota of this call is used up"},
    {45011, 45011, C::kQuota, false, false, 60, E::kLimitReached, "调用过于频繁",
     "called too often this minute"},
    {45015, 45015, C::kUser, false, false, 0, E::kLimitReached, "超出客服消息的回复时限",
     "outside the customer-service window"},
    {45016, 45018, C::kNever, false, false, 0, E::kInvalidArgument, "分组限制", "limit of groups"},
    {45028, 45028, C::kQuota, true, false, 0, E::kLimitReached, "群发次数已用完",
     "no mass-send quota left"},
    {45029, 45029, C::kNever, true, false, 0, E::kLimitReached, "二维码数量已达上限",
     "limit of QR codes reached"},
    {45047, 45047, C::kUser, false, false, 0, E::kLimitReached, "客服消息条数超过限制",
     "customer-service message count reached"},
    {45056, 45059, C::kNever, false, false, 0, E::kLimitReached, "标签限制", "limit of tags"},
    {45065, 45065, C::kDone, false, false, 0, E::kConflict, "相同 clientmsgid 已存在",
     "this clientmsgid was sent already"},
    {45066, 45066, C::kRetry, false, true, 60, E::kUnavailable,
     "相同 clientmsgid 重试过快，请一分钟后再试", "same clientmsgid again within a minute"},
    {45067, 45067, C::kNever, false, false, 0, E::kInvalidArgument, "clientmsgid 过长",
     "the clientmsgid is too long"},
    {45072, 45072, C::kIgnore, false, false, 0, E::kInvalidArgument, "输入状态命令不正确",
     "bad typing command"},
    {45080, 45081, C::kIgnore, false, false, 0, E::kLimitReached, "无法下发输入状态",
     "typing cannot be shown now"},
    {45083, 45084, C::kNever, false, false, 0, E::kInvalidArgument, "群发速度参数不正确",
     "bad mass-send speed"},
    {45106, 45106, C::kNever, true, false, 0, E::kUnsupported, "接口已下线",
     "the call was retired"},
    {45110, 45110, C::kNever, false, false, 0, E::kInvalidArgument, "作者名过长",
     "the author is too long"},
    {45157, 45159, C::kNever, false, false, 0, E::kInvalidArgument, "标签名或标签 ID 不正确",
     "bad tag name or id"},
    {45166, 45166, C::kNever, false, false, 0, E::kInvalidArgument, "图文内容不合法",
     "the article's content is not allowed"},
    {45168, 45168, C::kNever, false, false, 0, E::kInvalidArgument, "消息包含敏感词",
     "the message has a sensitive word"},
    {46001, 46004, C::kNever, false, false, 0, E::kNotFound, "媒体、菜单或用户不存在",
     "media, menu or user does not exist"},
    {47001, 47001, C::kNever, false, false, 0, E::kInvalidArgument, "JSON 或 XML 解析错误",
     "bad JSON or XML"},
    {47003, 47003, C::kNever, false, false, 0, E::kInvalidArgument, "模板参数不正确",
     "bad template data"},
    {48001, 48001, C::kNever, true, false, 0, E::kPermissionDenied, "账号没有该接口的权限",
     "the account may not use this call"},
    {48002, 48002, C::kUser, false, false, 0, E::kPermissionDenied, "对方拒收消息",
     "the recipient refuses messages"},
    {48003, 48003, C::kNever, true, false, 0, E::kPermissionDenied, "未同意群发或原创协议",
     "the mass-send agreement is not accepted"},
    {48004, 48004, C::kNever, true, false, 0, E::kPermissionDenied, "接口因违规被封禁，请停止发送",
     "banned because of violations: stop sending"},
    {48005, 48005, C::kNever, false, false, 0, E::kConflict, "素材正在使用，不能删除",
     "the material is in use"},
    {48006, 48006, C::kNever, false, false, 0, E::kLimitReached, "清零次数已用完",
     "clear_quota limit reached"},
    {48008, 48008, C::kNever, false, false, 0, E::kPermissionDenied, "没有该类型消息的发送权限",
     "no permission for this message type"},
    {49003, 49003, C::kUser, false, false, 0, E::kInvalidArgument, "OpenID 不属于此 AppID",
     "the openid is not of this AppID"},
    {50001, 50001, C::kUser, false, false, 0, E::kPermissionDenied, "用户未授权该接口",
     "the user did not authorise this"},
    {50002, 50002, C::kUser, false, false, 0, E::kPermissionDenied, "用户受限",
     "the user is limited"},
    {50004, 50004, C::kNever, true, false, 0, E::kPermissionDenied, "禁止使用 token 接口",
     "the token call is forbidden"},
    {50005, 50005, C::kUser, false, false, 0, E::kPermissionDenied, "用户未关注",
     "the user does not follow"},
    {50007, 50007, C::kNever, true, false, 0, E::kPermissionDenied, "账号已被冻结",
     "the account is frozen"},
    {53400, 53599, C::kNever, false, false, 0, E::kInvalidArgument, "发布受限",
     "publishing is restricted"},
    {61004, 61004, C::kNever, true, false, 0, E::kPermissionDenied, "调用接口的 IP 不在白名单中",
     "the caller's address is not on the white list"},
    {61007, 61007, C::kNever, true, false, 0, E::kPermissionDenied, "第三方平台缺少权限",
     "the component has no permission"},
    {61010, 61010, C::kNever, false, false, 0, E::kInvalidArgument, "用户两小时内未访问小程序",
     "the user was not active within two hours"},
    {61014, 61016, C::kNever, true, false, 0, E::kPermissionDenied, "token 类型或第三方授权不正确",
     "wrong class of token, or not confirmed"},
    {61450, 61457, C::kNever, false, false, 0, E::kInvalidArgument, "客服账号错误",
     "customer-service account error"},
    {61500, 61501, C::kNever, false, false, 0, E::kInvalidArgument, "日期格式或范围不正确",
     "bad date format or range"},
    {61503, 61504, C::kRetry, false, false, 0, E::kUnavailable, "数据尚未就绪",
     "data is not ready or the platform is busy"},
    {62751, 62751, C::kUser, false, false, 0, E::kPermissionDenied, "对方在黑名单中",
     "the recipient is on the black list"},
    {65301, 65317, C::kNever, false, false, 0, E::kInvalidArgument, "个性化菜单错误",
     "conditional menu error"},
    {65400, 65417, C::kNever, false, false, 0, E::kInvalidArgument, "客服账号错误",
     "customer-service account error"},
    {76001, 76022, C::kNever, false, false, 0, E::kInvalidArgument, "诊断参数不正确",
     "bad parameter of a diagnosis call"},
    {85079, 85079, C::kNever, false, false, 0, E::kInvalidArgument, "小程序链接错误",
     "mini-program link error"},
    {85096, 85096, C::kNever, false, false, 0, E::kInvalidArgument, "小程序链接错误",
     "mini-program link error"},
    {85400, 85408, C::kNever, false, false, 0, E::kInvalidArgument, "小程序链接错误",
     "mini-program link error"},
    {87009, 87009, C::kNever, false, false, 0, E::kInvalidArgument, "签名或回复不存在",
     "bad signature, or no such reply"},
    {87014, 87014, C::kNever, false, false, 0, E::kInvalidArgument, "内容含有违法违规内容",
     "the content is risky"},
    {87020, 87020, C::kQuota, false, false, 0, E::kLimitReached, "重复的内容安全请求",
     "repeated content check"},
    {88000, 88010, C::kNever, false, false, 0, E::kInvalidArgument, "评论接口错误",
     "comment error"},
    {89002, 89002, C::kNever, false, false, 0, E::kInvalidArgument, "未绑定开放平台账号",
     "not bound to an Open Platform account"},
    {89503, 89503, C::kNever, true, false, 1'800, E::kPermissionDenied,
     "此 IP 的调用等待管理员确认", "calls from this address wait for an administrator"},
    {89506, 89506, C::kNever, true, false, 86'400, E::kPermissionDenied,
     "此 IP 被管理员拒绝，24 小时后可再试", "this address was refused for 24 hours"},
    {89507, 89507, C::kNever, true, false, 3'600, E::kPermissionDenied,
     "此 IP 被管理员拒绝，1 小时后可再试", "this address was refused for one hour"},
    {200001, 200100, C::kNever, false, false, 0, E::kInvalidArgument, "订阅消息模板错误",
     "subscribe template error"},
    {9001001, 9001099, C::kNever, false, false, 0, E::kInvalidArgument, "POST 参数不正确",
     "bad parameters"},
};

// Where WeCom means something else, or has codes of its own; the same order.
constexpr PlatformError kWecomTable[] = {
    {40001, 40001, C::kNever, true, false, 0, E::kPermissionDenied, "应用 Secret 不正确",
     "wrong secret of the application"},
    {40013, 40013, C::kNever, true, false, 0, E::kInvalidArgument, "CorpID 不正确", "wrong CorpID"},
    {40056, 40056, C::kNever, true, false, 0, E::kInvalidArgument, "AgentID 不正确",
     "wrong AgentID"},
    {40058, 40058, C::kNever, false, false, 0, E::kInvalidArgument, "参数不正确", "bad parameter"},
    {40096, 40096, C::kUser, false, false, 0, E::kInvalidArgument, "外部联系人 ID 不正确",
     "bad external_userid"},
    {40098, 40098, C::kNever, false, false, 0, E::kPermissionDenied, "成员尚未实名认证",
     "the member's name is not verified"},
    {41050, 41050, C::kNever, false, false, 0, E::kInvalidArgument, "welcome_code 无效或已过期",
     "welcome_code is not valid or has expired"},
    {41051, 41051, C::kIgnore, false, false, 0, E::kConflict, "已开始聊天或欢迎语已由其他应用发送",
     "the chat has begun, or another application welcomed first"},
    {41053, 41053, C::kUser, false, false, 0, E::kPermissionDenied, "客户未同意会话存档",
     "the customer has not agreed to the archive"},
    {41054, 41054, C::kUser, false, false, 0, E::kPermissionDenied, "成员尚未激活",
     "the member is not activated"},
    {41055, 41055, C::kNever, false, false, 0, E::kLimitReached, "入群欢迎语素材达到上限",
     "limit of group welcome templates"},
    {41056, 41057, C::kNever, false, false, 0, E::kInvalidArgument,
     "外部 ID 类型不正确或企业未绑定", "wrong type of external id, or the company is not bound"},
    {45009, 45009, C::kQuota, false, false, 60, E::kLimitReached, "调用过于频繁",
     "called too often"},
    {45033, 45033, C::kRetry, false, false, 0, E::kUnavailable, "并发调用过多",
     "too many calls at the same time"},
    {48002, 48002, C::kNever, true, false, 0, E::kPermissionDenied, "无接口权限",
     "this API is forbidden to the application"},
    {60011, 60011, C::kNever, true, false, 0, E::kPermissionDenied, "无权限访问该成员或部门",
     "no privilege over this member or department"},
    {60020, 60020, C::kNever, true, false, 0, E::kPermissionDenied, "调用 IP 不在可信 IP 列表",
     "the calling address is not in the list of trusted addresses"},
    {60111, 60111, C::kUser, false, false, 0, E::kNotFound, "成员不存在", "no such member"},
    {81013, 81013, C::kUser, false, false, 0, E::kNotFound, "全部接收人无效",
     "none of the recipients is valid"},
    {81017, 81017, C::kNever, false, false, 0, E::kLimitReached, "人数超过限制", "too many people"},
    {82001, 82001, C::kNever, false, false, 0, E::kInvalidArgument, "接收范围无效",
     "the recipients are not valid"},
    {84061, 84061, C::kUser, false, false, 0, E::kNotFound, "没有外部联系人关系",
     "this member does not know this contact, or has none"},
    {84074, 84074, C::kNever, true, false, 0, E::kPermissionDenied, "没有外部联系人权限",
     "no permission for external contacts"},
    {90500, 90507, C::kNever, false, false, 0, E::kInvalidArgument, "客户群参数不正确",
     "bad customer group or inheritance"},
    {95000, 95018, C::kNever, false, false, 0, E::kInvalidArgument, "微信客服状态不允许",
     "WeChat customer service does not allow this now"},
    {301002, 301002, C::kNever, true, false, 0, E::kPermissionDenied, "无权操作该应用",
     "no permission on this application"},
};

// Tencent Ads v3, as far as it is known.
constexpr PlatformError kAdsTable[] = {
    {0, 0, C::kOk, false, false, 0, E::kInternal, "成功", "done"},
    {11002, 11003, C::kToken, false, false, 0, E::kPermissionDenied, "access_token 无效或过期",
     "the access token is not valid or has expired"},
    {11004, 11004, C::kNever, true, false, 0, E::kPermissionDenied, "没有该账号的权限",
     "no permission for this account"},
    {11012, 11012, C::kNever, true, false, 0, E::kPermissionDenied, "授权失效",
     "the authorisation is no longer valid"},
    {11013, 11013, C::kNever, true, false, 0, E::kPermissionDenied, "IP 不被允许",
     "the calling address is not allowed"},
    {11017, 11017, C::kRetry, false, false, 0, E::kConflict, "timestamp 或 nonce 无效",
     "timestamp out of the window, or nonce used before"},
    {18000, 18999, C::kNever, false, false, 0, E::kInvalidArgument, "参数不正确", "bad parameter"},
    {31000, 31999, C::kNever, false, false, 0, E::kInvalidArgument, "业务不允许",
     "not allowed by the business rules"},
    {100100, 100199, C::kQuota, false, false, 60, E::kLimitReached, "调用过于频繁",
     "called too often"},
};

constexpr PlatformError kUnlisted = {0,
                                     0,
                                     C::kNever,
                                     false,
                                     false,
                                     0,
                                     E::kUnavailable,
                                     "未知错误",
                                     "an error that is not in the table"};

}  // namespace

std::string_view to_string(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::kOk:
      return "ok";
    case ErrorClass::kDone:
      return "done";
    case ErrorClass::kRetry:
      return "retry";
    case ErrorClass::kToken:
      return "token";
    case ErrorClass::kQuota:
      return "quota";
    case ErrorClass::kNever:
      return "never";
    case ErrorClass::kUser:
      return "user";
    case ErrorClass::kIgnore:
      return "ignore";
    case ErrorClass::kTransport:
      return "transport";
  }
  return "?";
}

std::span<const PlatformError> platform_errors() { return kTable; }

const PlatformError& platform_error(std::int64_t errcode, Family family) {
  const auto find = [&](std::span<const PlatformError> lines) -> const PlatformError* {
    const auto found = std::ranges::find_if(
        lines, [&](const PlatformError& e) { return e.first <= errcode && errcode <= e.last; });
    return found == lines.end() ? nullptr : &*found;
  };
  if (family == Family::kAds) {
    const PlatformError* own = find(kAdsTable);
    return own ? *own : kUnlisted;
  }
  if (family == Family::kWecom) {
    if (const PlatformError* own = find(kWecomTable)) return *own;
  }
  const PlatformError* shared = find(kTable);
  return shared ? *shared : kUnlisted;
}

std::string_view rid_of(std::string_view errmsg) {
  constexpr std::string_view kMark = "rid: ";
  const std::size_t at = errmsg.rfind(kMark);
  if (at == std::string_view::npos) return {};
  const std::string_view rid = errmsg.substr(at + kMark.size());
  const std::size_t end = rid.find_first_not_of("0123456789abcdefABCDEF-");
  constexpr std::size_t kRidBytesMax = 64;
  return rid.substr(0, std::min(end, kRidBytesMax));
}

}  // namespace zhiyin::wechat
