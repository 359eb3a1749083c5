/** Texts to try things out with; the people and numbers in them are made up. */
export const kReadSamples = {
  shop: [
    "保温杯收到了，包装很好，倒进去的热水到晚上还是烫的，就是快递慢了两天。",
    "你好，我是王女士，电话13800138000，地址是杭州市西湖区文三路478号，茶叶什么时候发货？",
    "什么破东西，用了一次就漏水，客服还不理人，太失望了！",
  ],
  school: [
    "李老师，我是三年级二班陈先生，孩子今天发烧了，想请两天假，我的手机是13912345678。",
    "请问秋季班周六上午的数学课还有名额吗？学费可以分期吗？",
    "孩子特别喜欢张老师的作文课，回家主动写日记，我们全家都很开心！",
  ],
} as const;

export const kLikenessSamples = {
  shop: ["这个杯子能保温多久？", "保温杯里的水几个小时会凉？", "你们几点下班？", "订单什么时候能发货？"],
  school: ["孩子生病了，要请假两天。", "我家孩子发烧，这两天不去上课了。", "秋季班怎么报名？", "学费能分期付吗？"],
} as const;

export const kWritingSamples = {
  shop: "品名：保温杯\n容量：500毫升\n材质：316不锈钢\n保温：12小时\n字数：60",
  school: "课程：秋季数学班\n时间：周六上午\n年级：三年级\n名额：20人\n字数：60",
} as const;

export type Trade = "shop" | "school";
