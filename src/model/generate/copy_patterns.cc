#include "model/generate/copy_patterns.h"

#include <utility>

namespace zhiyin::model {
namespace {

using Texts = std::span<const std::string_view>;

constexpr std::string_view kOpenings[] = {"把目光给这款{v}",   "关注{v}的朋友",
                                          "话题回到{v}",       "写几句{v}",
                                          "要介绍的是{v}",     "一款{v}，几句话",
                                          "你也许在找{v}",     "给{v}写个小传",
                                          "如果喜欢{v}",       "轻声说说这款{v}",
                                          "这件{v}",           "想找一件{v}",
                                          "说到{v}",           "今天聊聊这款{v}",
                                          "认识一下这款{v}",   "衣橱里添一件{v}",
                                          "给你看看这款{v}",   "又见{v}",
                                          "把{v}摆到你面前",   "先看{v}",
                                          "本期主角是{v}",     "挑{v}不必犹豫",
                                          "手边这款{v}",       "翻到这一页的{v}",
                                          "{v}来了",           "眼前这款{v}",
                                          "请看这款{v}",       "换一款{v}试试",
                                          "一款{v}，讲给你听", "关于这款{v}",
                                          "橱窗里的{v}",       "清单上的{v}",
                                          "单说这款{v}",       "你要的{v}",
                                          "别错过这款{v}",     "留意这款{v}",
                                          "轮到{v}登场",       "逛到这里，停下看看{v}",
                                          "小编手里这款{v}"};

constexpr std::string_view kType[] = {"品类是{v}", "归在{v}一栏", "它属于{v}",
                                      "买的是{v}", "说的就是{v}", "也就是{v}",
                                      "按{v}来挑", "{v}一件",     "同为{v}"};

constexpr std::string_view kShape[] = {
    "做成{v}",         "样子是{v}",   "取{v}的样子",   "以{v}示人",    "轮廓上是{v}",
    "形状取自{v}",     "{v}的剪影",   "穿上便是{v}",   "按{v}裁出来",  "照{v}打样",
    "一眼认出{v}",     "{v}的外形",   "外观定为{v}",   "它是一款{v}",  "走{v}的样式",
    "从侧面看也是{v}", "样式选了{v}", "{v}这一路",     "版样标着{v}",  "落到身上是{v}",
    "归类为{v}",       "式样叫{v}",   "挂起来看是{v}", "画稿上就是{v}"};

constexpr std::string_view kColour[] = {
    "颜色是{v}",   "配色用{v}",   "通身{v}",     "{v}打底",     "主色取{v}",     "色号写着{v}",
    "选了{v}",     "上身是{v}",   "{v}铺开来",   "色调落在{v}", "以{v}着色",     "{v}当家",
    "眼里先是{v}", "把{v}穿出门", "一抹{v}",     "{v}这一色",   "颜色一栏填{v}", "用{v}说话",
    "整件{v}",     "{v}映入眼帘", "日光下是{v}", "看得见的{v}", "{v}贯穿始终",   "取色{v}"};

constexpr std::string_view kMaterial[] = {
    "材质是{v}",   "面料用{v}", "选{v}来做",   "由{v}制成",   "摸到的是{v}", "{v}作料",
    "布料取{v}",   "料子是{v}", "手里捏着{v}", "以{v}裁成",   "{v}缝制",     "用上了{v}",
    "成分栏是{v}", "{v}这块料", "布匹选自{v}", "翻开看是{v}", "触到{v}",     "原料为{v}",
    "拿{v}做底",   "取材{v}",   "剪开也是{v}"};

constexpr std::string_view kPattern[] = {
    "图案是{v}",   "缀以{v}",     "{v}点题",     "用{v}来装点",     "表面有{v}",
    "看到{v}",     "{v}铺陈其上", "添了{v}",     "画面里是{v}",     "{v}跃于其间",
    "纹样取{v}",   "少不了{v}",   "以{v}作画",   "远看近看都是{v}", "{v}落在布上",
    "加入{v}元素", "细看有{v}",   "把{v}放上去", "视线停在{v}",     "纹理叫{v}",
    "{v}错落其中", "留白处配{v}", "用{v}开场",   "{v}入画",         "勾出{v}"};

constexpr std::string_view kStyle[] = {
    "可以用{v}概括", "风格偏{v}",     "整体是{v}路子", "带着{v}的味道", "{v}的气质",
    "走{v}路线",     "穿的是{v}",     "调子定在{v}",   "{v}的腔调",     "往{v}靠拢",
    "有几分{v}",     "说它{v}不为过", "{v}一派",       "心里想着{v}",   "落笔便是{v}",
    "氛围归{v}",     "给人{v}的印象", "把{v}写在身上", "骨子里{v}",     "言语间都是{v}",
    "混着{v}的影子", "取{v}之意",     "关键词是{v}",   "倾向{v}",       "格调为{v}",
    "站在{v}这边",   "朝{v}走",       "念念不忘{v}"};

constexpr std::string_view kFit[] = {
    "版型是{v}",   "剪裁讲{v}", "穿起来{v}",   "{v}的版",     "按{v}打版",   "上身{v}",
    "轮廓{v}",     "廓形取{v}", "版师定了{v}", "版样写{v}",   "尺码按{v}走", "从肩到腰{v}",
    "放量照{v}给", "主打{v}",   "立起来看{v}", "试穿觉得{v}", "图纸标{v}",   "合着{v}来",
    "讲究{v}",     "认准{v}",   "版子偏{v}",   "一句话：{v}"};

constexpr std::string_view kCollar[] = {
    "领口是{v}",   "{v}收住颈间", "衣领做{v}", "领子取{v}",   "配上{v}",
    "抬头见{v}",   "颈边一圈{v}", "领围用{v}", "上沿开成{v}", "{v}托着脸",
    "领型标着{v}", "拉近看是{v}", "{v}在颈下", "脖颈处为{v}", "先看领，是{v}",
    "画出{v}",     "领部走{v}",   "正中是{v}", "锁骨边的{v}", "围着{v}"};

constexpr std::string_view kSleeve[] = {
    "袖子是{v}",     "袖型取{v}",     "两侧接{v}",   "抬手见{v}",   "手臂处是{v}",
    "袖管做{v}",     "袖口一带是{v}", "{v}随手摆动", "臂弯里是{v}", "肩下连着{v}",
    "伸手即{v}",     "袖笼配{v}",     "挥手露出{v}", "用{v}收尾",   "袖片裁成{v}",
    "手腕到肩是{v}", "衣袖讲{v}",     "甩开{v}",     "{v}垂在身侧"};

constexpr std::string_view kLength[] = {"长度上是{v}",
                                        "{v}的长短",
                                        "长短取{v}",
                                        "量下来是{v}",
                                        "尺寸归{v}",
                                        "做到{v}",
                                        "拿尺一比是{v}",
                                        "{v}这个长",
                                        "落点在{v}",
                                        "裁到{v}为止",
                                        "按{v}留长",
                                        "垂下来是{v}",
                                        "长一分短一分都不是{v}",
                                        "标注{v}",
                                        "从上到下算{v}",
                                        "到位的{v}",
                                        "定长{v}",
                                        "照{v}收边",
                                        "表里写{v}",
                                        "拉直了看是{v}",
                                        "截在{v}",
                                        "比划一下是{v}"};

constexpr std::string_view kWaist[] = {
    "腰部是{v}", "腰线定在{v}",   "腰头做{v}", "系在{v}",   "腰间取{v}", "{v}一束",
    "中段为{v}", "腰围配{v}",     "提到{v}",   "裁腰用{v}", "腰型标{v}", "往上提是{v}",
    "腰际讲{v}", "叉腰一摸是{v}", "{v}居中",   "腰里是{v}", "腰口走{v}", "以{v}束起"};

constexpr std::string_view kHem[] = {"下端是{v}",   "底边做{v}",     "收在{v}",       "末尾是{v}",
                                     "边缘取{v}",   "脚边一圈{v}",   "走动时看见{v}", "{v}落在最下",
                                     "往下看是{v}", "尾端配{v}",     "边上缀{v}",     "以{v}了结",
                                     "摆边用{v}",   "步子迈开是{v}", "低头见{v}",     "最后一笔{v}",
                                     "下沿裁{v}",   "迎风是{v}",     "底下藏着{v}",   "踩点的{v}"};

constexpr std::string_view kClosure[] = {
    "门襟是{v}",   "开合靠{v}",     "前面用{v}",   "穿脱走{v}",   "扣合处是{v}",
    "襟前一道{v}", "闭合方式为{v}", "胸前见{v}",   "{v}连起两边", "一拉一合都在{v}",
    "襟边做{v}",   "从{v}打开",     "正前方是{v}", "手指碰到{v}", "穿上要过{v}",
    "襟口配{v}",   "左右由{v}相接", "关上{v}"};

constexpr std::string_view kDetail[] = {
    "细节有{v}", "用到{v}",   "做了{v}",     "加上{v}",     "{v}藏在其中", "工艺是{v}",
    "看点在{v}", "{v}一处",   "点缀着{v}",   "设计里有{v}", "还有{v}",     "少不得{v}",
    "手法是{v}", "缝上{v}",   "以{v}出彩",   "转角处是{v}", "放大看有{v}", "{v}来凑趣",
    "身上带{v}", "添一笔{v}", "款式讲{v}",   "心思花在{v}", "配着{v}",     "{v}不缺席",
    "局部是{v}", "近处有{v}", "伸手摸到{v}", "安排了{v}"};

constexpr std::string_view kPrice[] = {"价格{v}",     "标价{v}", "{v}带走",   "卖{v}",
                                       "付{v}即可",   "{k}{v}",  "{k}为{v}",  "只看{k}：{v}",
                                       "账单上是{v}", "结账{v}", "价签写{v}", "{v}成交"};

constexpr std::string_view kMeasure[] = {
    "{k}{v}",     "{k}为{v}",   "{k}是{v}",     "{k}标着{v}", "说明书写{k}{v}",
    "{v}的{k}",   "{k}给到{v}", "{k}一栏：{v}", "量得{k}{v}", "参数里{k}{v}",
    "{k}记作{v}", "{k}达到{v}", "查{k}，是{v}", "{k}按{v}算"};

constexpr std::string_view kOrigin[] = {"{k}是{v}",    "来自{v}",  "{k}写着{v}",   "出自{v}",
                                        "{v}出品",     "{k}：{v}", "认{k}就认{v}", "它的{k}是{v}",
                                        "挂着{v}的名", "源头在{v}"};

constexpr std::string_view kOccasion[] = {"{k}是{v}", "给{v}准备",   "{v}时用得上", "面向{v}",
                                          "{k}写{v}", "想着{v}做的", "{v}请看过来", "{v}用它",
                                          "留给{v}",  "{k}：{v}",    "为{v}而选",   "{v}带上它"};

constexpr std::string_view kTime[] = {"{k}：{v}",  "{k}是{v}",      "{k}定在{v}", "记住{v}",
                                      "{v}见",     "日历上圈出{v}", "{v}这天",    "{k}写着{v}",
                                      "别忘了{v}", "就等{v}"};

constexpr std::string_view kOther[] = {
    "{k}是{v}",       "{k}为{v}",   "{k}：{v}",       "{k}写着{v}",     "说到{k}，是{v}",
    "{k}这一项是{v}", "{k}选了{v}", "看{k}：{v}",     "论{k}，{v}",     "{k}定为{v}",
    "表上{k}填{v}",   "{k}用{v}",   "谈{k}，就是{v}", "{k}取{v}",       "再看{k}，{v}",
    "{v}是它的{k}",   "{k}一栏{v}", "{k}归{v}",       "问起{k}，答{v}", "{k}标{v}",
    "按{k}讲是{v}",   "{k}记为{v}", "{v}，这是{k}",   "要说{k}便是{v}"};

struct Row {
  FactKind kind;
  Texts clauses;
};

constexpr Row kKinds[] = {{FactKind::kType, kType},       {FactKind::kShape, kShape},
                          {FactKind::kColour, kColour},   {FactKind::kMaterial, kMaterial},
                          {FactKind::kPattern, kPattern}, {FactKind::kStyle, kStyle},
                          {FactKind::kFit, kFit},         {FactKind::kCollar, kCollar},
                          {FactKind::kSleeve, kSleeve},   {FactKind::kLength, kLength},
                          {FactKind::kWaist, kWaist},     {FactKind::kHem, kHem},
                          {FactKind::kClosure, kClosure}, {FactKind::kDetail, kDetail},
                          {FactKind::kPrice, kPrice},     {FactKind::kMeasure, kMeasure},
                          {FactKind::kOrigin, kOrigin},   {FactKind::kOccasion, kOccasion},
                          {FactKind::kTime, kTime},       {FactKind::kOther, kOther}};

/// The first part of a name that is found decides; longer ones stand before what they contain.
constexpr std::pair<std::string_view, FactKind> kNames[] = {
    {"袖长", FactKind::kLength},   {"袖", FactKind::kSleeve},     {"领", FactKind::kCollar},
    {"门襟", FactKind::kClosure},  {"下摆", FactKind::kHem},      {"裤口", FactKind::kHem},
    {"腰", FactKind::kWaist},      {"版型", FactKind::kFit},      {"廓形", FactKind::kFit},
    {"颜色", FactKind::kColour},   {"色", FactKind::kColour},     {"材质", FactKind::kMaterial},
    {"面料", FactKind::kMaterial}, {"材料", FactKind::kMaterial}, {"成分", FactKind::kMaterial},
    {"图案", FactKind::kPattern},  {"花纹", FactKind::kPattern},  {"风格", FactKind::kStyle},
    {"款式", FactKind::kDetail},   {"工艺", FactKind::kDetail},   {"细节", FactKind::kDetail},
    {"类型", FactKind::kType},     {"品类", FactKind::kType},     {"名称", FactKind::kType},
    {"品名", FactKind::kType},     {"商品", FactKind::kType},     {"产品", FactKind::kType},
    {"样式", FactKind::kShape},    {"裙型", FactKind::kShape},    {"裤型", FactKind::kShape},
    {"价", FactKind::kPrice},      {"容量", FactKind::kMeasure},  {"尺寸", FactKind::kMeasure},
    {"规格", FactKind::kMeasure},  {"重量", FactKind::kMeasure},  {"含量", FactKind::kMeasure},
    {"功率", FactKind::kMeasure},  {"产地", FactKind::kOrigin},   {"品牌", FactKind::kOrigin},
    {"人群", FactKind::kOccasion}, {"场合", FactKind::kOccasion}, {"场景", FactKind::kOccasion},
    {"季节", FactKind::kOccasion}, {"日期", FactKind::kTime},     {"时间", FactKind::kTime},
    {"有效期", FactKind::kTime},   {"长", FactKind::kLength}};

}  // namespace

FactKind fact_kind(std::string_view name) {
  for (const auto& [part, kind] : kNames) {
    if (name.find(part) != std::string_view::npos) return kind;
  }
  return FactKind::kOther;
}

std::span<const std::string_view> clauses(FactKind kind) {
  for (const Row& row : kKinds) {
    if (row.kind == kind) return row.clauses;
  }
  return kOther;
}

std::span<const std::string_view> openings() { return kOpenings; }

}  // namespace zhiyin::model
