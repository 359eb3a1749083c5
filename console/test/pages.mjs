// The console in headless Chromium over the mock: every page in both languages, and what operators do most.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { kKey, startMock } from "../mock/server.mjs";
import { launch, openPage } from "./browser.mjs";
import { signIn, walk } from "./walk.mjs";

const kOut = process.env.ZHIYIN_SCREENSHOTS ?? join(dirname(fileURLToPath(import.meta.url)), "../../build/screenshots/console");
const kPhone = { width: 390, height: 844 };
let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** Runs `act` in a fresh browser context over a fresh mock; nothing unexpected may go wrong in it. */
async function withConsole(act, { mock: options = {}, signedIn = true, ...pageOptions } = {}) {
  const mock = await startMock(0, options);
  const walker = await openPage(browser, pageOptions);
  try {
    if (signedIn) await signIn(walker, mock.base, kKey);
    const open = async (path) => {
      await walker.page.goto("about:blank");
      await walker.page.goto(`${mock.base}/#${path}`);
      await walker.settle();
    };
    await act({ ...walker, base: mock.base, open, text: () => walker.page.locator("body").innerText() });
    assert.deepEqual(walker.faults, []);
  } finally {
    await walker.close();
    await mock.close();
  }
}

async function walkClean(mockOptions, walkOptions, least = 30) {
  const mock = await startMock(0, mockOptions);
  try {
    const { wrong, visited } = await walk(browser, mock.base, { key: kKey, out: kOut, ...walkOptions });
    assert.deepEqual(wrong, []);
    assert.ok(visited >= least, `only ${visited} pages`);
  } finally {
    await mock.close();
  }
}

test("every page renders in Chinese", () => walkClean({}, { languages: ["zh"] }));
test("every page renders in English, 1280 px wide", () => walkClean({}, { languages: ["en"], width: 1280, height: 800 }));
test("every page fits a phone", () => walkClean({}, { languages: ["zh"], ...kPhone, label: "-phone" }));
test("every page says so when there is nothing", () => walkClean({ empty: true }, { languages: ["zh"], label: "-empty" }, 15));

test("the first start leads from the printed key to a first user", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/people");
    assert.match(await text(), /首次启动/);
    await page.screenshot({ path: join(kOut, "zh-sign-in.png") });
    await page.fill("input[name=key]", kKey);
    await page.click("form button.primary");
    await page.getByText("创建第一个用户").waitFor();
    await page.fill("input[autocomplete=username]", "anna");
    await page.locator("input[type=password]").nth(0).fill("correct horse");
    await page.locator("input[type=password]").nth(1).fill("wrong");
    assert.ok(await page.locator("form button.primary").isDisabled());
    await page.locator("input[type=password]").nth(1).fill("correct horse");
    await page.screenshot({ path: join(kOut, "zh-first-user.png") });
    await page.click("form button.primary");
    await page.waitForURL(/\/people/); // where one was heading
    await settle();
  }, { mock: { setup: true }, signedIn: false }));

test("a wrong password is told, a right one gets in, and signing out ends it", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/overview");
    await page.fill("input[name=user]", "anna");
    await page.fill("input[name=password]", "wrong");
    await page.click("form button.primary");
    await page.locator(".problem").waitFor();
    assert.match(await text(), /name or password is wrong/);
    await page.fill("input[name=password]", "correct horse");
    await page.click("form button.primary");
    await page.waitForURL(/overview/);
    await settle();
    await page.getByText("退出").click();
    await page.waitForURL(/sign-in/);
  }, { signedIn: false, expected: [/401.*\/v1\/session$/] }));

test("analysts look and do not touch", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/overview");
    await page.fill("input[name=user]", "小陈");
    await page.fill("input[name=password]", "correct horse");
    await page.click("form button.primary");
    await page.waitForURL(/overview/);
    await settle();
    const menu = await page.locator("nav.side").innerText();
    for (const hidden of ["操作日志", "密钥与用户", "数据导入"]) assert.ok(!menu.includes(hidden), hidden);
    assert.match(menu, /用户画像/);
    assert.ok(!(await text()).includes("紧急停止"));
    await open("/campaigns/order-notice");
    assert.ok(!/启动$|试运行$/m.test(await text()));
    await open("/access");
    assert.match(page.url(), /overview/);
  }, { signedIn: false }));

test("what is left of the quotas, what became of mass sends, and what is wrong with a connection", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/wechat");
    assert.match(await text(), /模板消息\s+96,310 \/ 100,000\s+3,690\s+96,304/);
    assert.match(await text(), /可回复的用户 37 人/);
    await page.getByRole("tab", { name: "群发任务" }).click();
    await settle();
    assert.match(await text(), /第 3 次尝试/);
    await page.getByRole("tab", { name: "最近回调" }).click();
    await settle();
    assert.match(await text(), /oA…0x\s+文本\s+转问答服务 · 已在回调中回复/);
    await page.getByRole("tab", { name: "平台通知" }).click();
    await settle();
    assert.match(await text(), /客户群变更\s+change_external_chat\s+ChangeType update\s+UserID zh…in/);
    await page.getByRole("tab", { name: "延迟回答" }).click();
    await settle();
    assert.match(await text(), /改用客服消息\s+未发送：平台额度用完/);
    await page.getByRole("combobox", { name: "账号" }).selectOption({ index: 1 });
    await settle();
    assert.match(await text(), /近 48 小时没有需要等待的回答/);
    let asked = 0;
    page.on("request", (one) => (asked += one.url().endsWith("/v1/doctor/wechat") ? 1 : 0));
    await page.getByRole("tab", { name: "接入检查" }).click();
    await settle();
    assert.match(await text(), /203\.0\.113\.9[\s\S]*IP 白名单，加入上面的地址/);
    assert.equal(asked, 1, "the platform is asked when somebody looks");
  }));

test("the connection is checked by administrators only", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/overview");
    await page.fill("input[name=user]", "小陈");
    await page.fill("input[name=password]", "correct horse");
    await page.click("form button.primary");
    await page.waitForURL(/overview/);
    await open("/wechat");
    await settle();
    assert.match(await text(), /今日已用/);
    assert.ok(!(await text()).includes("接入检查"));
  }, { signedIn: false }));

test("the language is remembered", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await page.getByRole("button", { name: "English" }).click();
    assert.match(await text(), /Overview/);
    await page.reload();
    await settle();
    assert.match(await text(), /Overview/);
    await open("/people");
    assert.equal(await page.title(), "People · 知音");
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
  }));

test("a segment is built, counted, saved and found again", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/segments/new");
    await page.locator("input[type=text]").nth(0).fill("爱读书的人");
    await page.locator("input[type=text]").nth(1).fill("book-lovers");
    const count = page.locator("aside .big");
    await count.waitFor();
    const before = await count.innerText();
    await page.locator(".group > .row").last().getByText("兴趣").click();
    await page.locator(".condition").nth(1).locator("input").first().fill("读书");
    await page.getByRole("button", { name: "条件组" }).click();
    await page.waitForTimeout(700); // the pause after typing
    await settle();
    assert.notEqual(await count.innerText(), before);
    await page.getByRole("tab", { name: "JSON" }).click();
    const tree = JSON.parse(await page.locator("textarea").inputValue());
    assert.deepEqual(tree.and[1], { interest: "读书", is: { ">=": 0.3 } });
    assert.deepEqual(Object.keys(tree.and[2]), ["or"]);
    await page.getByRole("button", { name: "保存" }).click();
    await page.waitForURL(/segments\/book-lovers/);
    await open("/segments");
    assert.match(await text(), /爱读书的人/);
  }));

test("a fault in a tree is named where it is", () =>
  withConsole(async ({ page, open, text }) => {
    await open("/segments/readers");
    await page.getByRole("tab", { name: "JSON" }).click();
    await page.fill("textarea", '{"and": [{"event": "read", "windw": "7d"}]}');
    assert.match(await text(), /and\[0\]\.windw/);
    assert.ok(await page.getByRole("button", { name: "保存" }).isDisabled());
    await page.fill("textarea", '{"and": [{"feature": "none_such", "is": {">": 1}}]}');
    await page.locator("aside .problem").waitFor();
    assert.match(await page.locator("aside .problem").innerText(), /tree\.and\[0\]\.feature/);
  }, { expected: [/400/] }));

test("a change that came too late is refused with the reason", () =>
  withConsole(async ({ page, open, text, base }) => {
    await open("/segments/readers");
    await page.evaluate(async (root) => {
      const { csrf } = await (await fetch(`${root}/v1/session`)).json();
      const stored = await (await fetch(`${root}/v1/segments/readers`)).json();
      const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf, "If-Match": String(stored.version) };
      await fetch(`${root}/v1/segments/readers`, { method: "PUT", headers, body: JSON.stringify({ name: "x", tree: stored.tree }) });
    }, base);
    await page.getByRole("button", { name: "保存" }).click();
    await page.locator(".problem").waitFor();
    assert.match(await text(), /version is 2, not 1/);
  }, { expected: [/409/] }));

test("a campaign goes from draft over a dry run to running, paused and resumed", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/campaigns/new");
    await page.locator("input[type=text]").nth(0).fill("周末上新");
    await page.locator("input[type=text]").nth(1).fill("weekend");
    await page.locator("select").nth(0).selectOption("shop");
    await page.locator("select").nth(1).selectOption("readers");
    await page.locator("input[type=range]").fill("20");
    assert.match(await text(), /约 257 人/);
    await page.fill("textarea", "你好 {{name|朋友}}");
    assert.match(await text(), /群发对所有人内容相同，不能使用个人变量/);
    assert.ok(await page.getByRole("button", { name: "保存" }).isDisabled());
    await page.getByText("客服消息").click();
    assert.match(await page.locator(".phone").innerText(), /你好 朋友/);
    await page.getByRole("button", { name: "保存" }).click();
    await page.waitForURL(/campaigns\/weekend$/);
    await settle();
    await page.getByRole("button", { name: "试运行" }).click();
    await page.getByText("1,095").waitFor();
    assert.match(await page.locator("dialog").innerText(), /频次上限[\s\S]*小王/);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "启动" }).click();
    await page.locator("dialog").getByRole("button", { name: "启动" }).click();
    await page.getByRole("button", { name: "暂停" }).click();
    await page.getByRole("button", { name: "继续" }).click();
    await page.locator("dialog").getByText("31 条消息").waitFor();
    await page.getByRole("button", { name: "跳过" }).click();
    await page.getByRole("button", { name: "暂停" }).waitFor();
    await settle();
  }, { expected: [/409/, /404.*weekend/] }));

test("the emergency stop asks twice and stops what runs", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/campaigns/tea-festival");
    await page.getByRole("button", { name: "紧急停止" }).click();
    await page.locator("dialog").getByText("新茶节预告").waitFor();
    const stop = page.locator("dialog button.solid");
    assert.ok(await stop.isDisabled());
    await page.screenshot({ path: join(kOut, "zh-emergency-stop.png") });
    await page.locator("dialog input[type=checkbox]").check();
    await stop.click();
    await page.locator("dialog").waitFor({ state: "detached" });
    await settle();
    assert.match(await text(), /已停止/);
    assert.equal(await page.getByRole("button", { name: "暂停", exact: true }).count(), 0);
  }));

test("a file is uploaded and its run followed; a wrong mapping is told", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/imports");
    await page.getByRole("button", { name: "添加映射" }).click();
    await page.locator("dialog input[type=text]").fill("mine");
    await page.locator("dialog textarea").fill("nonsense");
    await page.locator("dialog button.primary").click();
    await page.locator("dialog .problem").waitFor();
    await page.locator("dialog textarea").fill('identity = "user"');
    await page.locator("dialog button.primary").click();
    await page.locator("dialog").waitFor({ state: "detached" });
    assert.equal(await page.locator("form select").first().inputValue(), "mine");
    await page.setInputFiles("input[type=file]", { name: "people.csv", mimeType: "text/csv", buffer: Buffer.from("user,likes\n1,2\n") });
    await page.getByRole("button", { name: "开始导入" }).click();
    await page.waitForURL(/imports\/r_/);
    await settle();
    assert.match(await text(), /people\.csv[\s\S]*进行中/);
    await page.getByRole("button", { name: "取消任务" }).click();
    await page.getByText("run: cancelled").waitFor();
  }, { expected: [/400/] }));

test("the page of the data shows rate, backlog, quality, sizes, and cancels a run", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/data");
    const shown = await text();
    assert.match(shown, /待写入数据仓库\s+1,204/);
    assert.match(shown, /网页与小程序\s+160,030\s+0\.2 %\s+2\.6 %/);
    assert.match(shown, /文件导入\s+31,200\s+100\.0 %/);
    assert.match(shown, /事件日志\s+由服务器自行统计/);
    assert.match(shown, /数据仓库\s+20\.0 MB\s+−19\.5 KB/);
    assert.match(shown, /occurred_at: lies in the future/);
    assert.equal(await page.locator(".chart canvas").count(), 2);
    const running = await page.getByRole("button", { name: "取消任务" }).count();
    await page.getByRole("button", { name: "取消任务" }).first().click();
    await settle();
    assert.equal(await page.getByRole("button", { name: "取消任务" }).count(), running - 1);
    await page.screenshot({ path: join(kOut, "zh-data.png"), fullPage: true });
  }));

test("a quarantined event is corrected and taken", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/quarantine");
    await page.getByRole("button", { name: "重新提交" }).first().click();
    await page.getByText("occurred_at: lies in the future").waitFor();
    await page.getByRole("button", { name: "修改" }).first().click();
    await page.locator("dialog textarea").fill("{");
    await page.locator("dialog button.primary").click();
    assert.match(await page.locator("dialog").innerText(), /SyntaxError/);
    await page.locator("dialog textarea").fill('{"kind": "read"}');
    await page.locator("dialog button.primary").click();
    await page.locator("dialog").waitFor({ state: "detached" });
    await settle();
    assert.equal(await page.locator("tbody tr").count(), 2);
    assert.ok(!(await text()).includes("2031-01-01"));
  }));

test("an account is connected in three steps and waits for WeChat", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/accounts/new");
    await page.locator("input[type=text]").nth(1).fill("tea");
    await page.locator("input[type=text]").nth(2).fill("wxtea0000000000001");
    await page.getByRole("button", { name: "下一步" }).click();
    await page.locator("#token").waitFor();
    await settle();
    assert.match(await page.locator("#aes").inputValue(), /^[A-Za-z0-9]{43}$/);
    assert.match(await text(), /https:\/\/zy\.example\.com\/wechat\/tea/);
    await page.screenshot({ path: join(kOut, "zh-account-step-2.png"), fullPage: true });
    const old = await page.locator("#token").inputValue();
    await page.getByRole("button", { name: "生成" }).first().click();
    assert.notEqual(await page.locator("#token").inputValue(), old);
    await page.getByRole("button", { name: "保存并检查" }).click();
    await page.getByText("接入成功").waitFor(); // the second check, five seconds later
    await page.screenshot({ path: join(kOut, "zh-account-step-3.png"), fullPage: true });
    await page.getByRole("button", { name: "完成" }).click();
    await settle();
    assert.match(await text(), /wxtea0000000000001/);
  }));

test("a key is shown once, and is revoked after a question", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/access");
    await page.locator("form input[type=text]").fill("小程序");
    await page.locator("form button.primary").click();
    await page.locator("dialog").getByText("zk_0f1e2d3c4b5a69788796a5b4c3d2e1f0").waitFor();
    await page.locator("dialog button.primary").click();
    await settle();
    assert.ok(!(await text()).includes("zk_0f1e"));
    const made = page.locator("tbody tr").filter({ hasText: "小程序" });
    await made.getByRole("button").click();
    await page.locator("dialog button.solid").click();
    await made.waitFor({ state: "detached" });
  }));

test("people are searched, and exported as CSV", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/people");
    await page.fill("input[type=search]", "p_nobody");
    await page.keyboard.press("Enter");
    await settle();
    assert.match(await text(), /没有符合条件的用户/);
    await page.fill("input[type=search]", "nonsense");
    await page.keyboard.press("Enter");
    await page.locator(".problem").waitFor();
    assert.match(await page.locator(".problem").innerText(), /字段 q/);
    await page.fill("input[type=search]", "");
    await page.keyboard.press("Enter");
    await settle();
    assert.equal(await page.locator("tbody tr").count(), 50);
    await page.getByRole("button", { name: "加载更多" }).click();
    await settle();
    assert.equal(await page.locator("tbody tr").count(), 100);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
    const lines = (await readFile(await download.path(), "utf8")).trimEnd().split("\r\n");
    assert.equal(lines.length, 138);
    assert.equal(lines[0], "\ufeffperson,following,interests,events,first_seen,last_seen");
  }, { expected: [/400/] }));

test("a campaign whose segment has gone is refused, with the field", () =>
  withConsole(async ({ page, open, base }) => {
    await open("/campaigns/new");
    await page.locator("input[type=text]").nth(0).fill("晚了");
    await page.locator("input[type=text]").nth(1).fill("late");
    await page.locator("select").nth(0).selectOption("shop");
    await page.locator("select").nth(1).selectOption("readers");
    await page.getByText("客服消息").click();
    await page.fill("textarea", "你好");
    await page.evaluate(async (root) => {
      const { csrf } = await (await fetch(`${root}/v1/session`)).json();
      await fetch(`${root}/v1/segments/readers`, { method: "DELETE", headers: { "X-CSRF-Token": csrf } });
    }, base);
    await page.getByRole("button", { name: "保存" }).click();
    await page.locator(".problem").waitFor();
    assert.match(await page.locator(".problem").innerText(), /字段 segment/);
  }, { expected: [/400/] }));

test("a server that is gone is told, and trying again helps", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await page.route("**/v1/models?*", (route) => route.abort("connectionrefused"));
    await open("/models");
    assert.match(await text(), /无法连接服务器/);
    await page.unroute("**/v1/models?*");
    await page.getByRole("button", { name: "重试" }).click();
    await settle();
    assert.match(await text(), /response-3/);
  }, { expected: [/ERR_CONNECTION_REFUSED/] }));

test("a test message goes out and each outcome is told", () =>
  withConsole(async ({ page, open }) => {
    await open("/campaigns/order-notice");
    await page.getByRole("button", { name: "测试发送" }).click();
    await page.locator("dialog textarea").fill("oAbc123, xDef456\noAbc123");
    await page.getByRole("button", { name: "发送给 2 人" }).click();
    await page.locator("dialog").getByText("not a follower").waitFor();
    assert.match(await page.locator("dialog").innerText(), /oAbc…\s*已发送/);
  }));

test("a model is trained on what the operator calls a response, and an older one brought back", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/models");
    await page.locator("summary", { hasText: "response-2" }).getByRole("button", { name: "回退到此版本" }).click();
    assert.match(await page.locator("dialog").innerText(), /响应预测将由 response-3 换成 response-2/);
    await page.locator("dialog").getByRole("button", { name: "回退到此版本" }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
    await settle();
    assert.match(await text(), /response-2\s*使用中/);
    await page.getByRole("button", { name: "训练响应模型" }).click();
    await page.locator("dialog").getByText("转发").click();
    const asked = page.waitForRequest(/train\/response/);
    await page.getByRole("button", { name: "开始训练" }).click();
    assert.deepEqual((await asked).postDataJSON(), { kinds: ["purchase", "share"], horizon: "7d" });
    await page.waitForURL(/runs\/r_/);
    await settle();
  }));

test("versions are told apart by where they come from, compared, and run beside each other", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/models");
    assert.match(await text(), /emotion@1a2b3c4d\s*使用中\s*随程序提供/);
    assert.match(await text(), /e5-small@5f0e9b1c/);
    await page.locator("summary").filter({ hasText: "reviews-2" }).click();
    await settle();
    assert.match(await text(), /混淆矩阵/);
    await page.getByRole("button", { name: "比较版本" }).last().click();
    const compared = await page.locator("dialog").innerText();
    assert.match(compared, /准确率\s+90\.2 %\s+92\.1 %\s+\+1\.9 个百分点/);
    assert.match(compared, /settings\.rows\s+3,100\s+5,200/);
    await page.screenshot({ path: join(kOut, "zh-models-compare.png") });
    await page.getByRole("button", { name: "关闭" }).click();
    await page.getByRole("button", { name: "影子运行" }).click();
    await settle();
    assert.match(await text(), /reviews-2 与 reviews-1[\s\S]*92\.1 %[\s\S]*中评\s+好评\s+12/);
    await page.screenshot({ path: join(kOut, "zh-models-shadow.png"), fullPage: true });
    await page.getByRole("button", { name: "结束影子运行" }).click();
    await settle();
    assert.ok(!(await text()).includes("reviews-2 与 reviews-1"));
  }));

test("a text is read with the words that spoke for it, and its personal data masked", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/models");
    await page.getByRole("tab", { name: "分析文本" }).click();
    assert.ok(await page.getByRole("button", { name: "分析", exact: true }).isDisabled());
    await page.fill("textarea[name=text]", "很满意，电话13800138000，谢谢");
    const asked = page.waitForRequest(/v1\/analyze/);
    await page.getByRole("button", { name: "分析", exact: true }).click();
    assert.deepEqual((await asked).postDataJSON().tasks, ["language", "keywords", "entities", "masked", "words", "reviews", "emotion"], "what is damaged is not asked for");
    await settle();
    assert.match(await text(), /电话138\*\*\*\*8000/);
    assert.match(await text(), /13800138000\s+\S+\s+95 %/);
    assert.match(await text(), /情绪[\s\S]*高兴\s*置信度 71\.0 %/);
    assert.match(await text(), /把握不足，拒识/);
    assert.equal(await page.locator("mark.against-3").first().innerText(), "13800138000");
    assert.equal(await page.locator("mark.for-3").first().innerText(), "很满");
  }));

test("sentences are compared by their vectors, the most alike first", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/models");
    await page.getByRole("tab", { name: "句子相似度" }).click();
    await page.fill("textarea[name=sentences]", "今天天气好\n股票大跌\n今天天气真好");
    await page.getByRole("button", { name: "计算" }).click();
    await settle();
    assert.match(await text(), /从最像到最不像[\s\S]*?0\.9\d+\s+今天天气好\s+今天天气真好/);
  }));

test("without an encoder sentences are not compared, and the page says so", () =>
  withConsole(async ({ page, open, text }) => {
    await open("/models");
    await page.getByRole("tab", { name: "句子相似度" }).click();
    assert.match(await text(), /没有安装编码器/);
    assert.equal(await page.locator("form").count(), 0);
  }, { mock: { empty: true } }));

test("a trial text is held against its facts, and a generator that fails is told", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/models");
    await page.getByRole("tab", { name: "文案生成" }).click();
    await settle();
    assert.match(await text(), /OpenAI 兼容接口\s*正常/);
    await page.getByRole("button", { name: "试写" }).click();
    await settle();
    assert.match(await text(), /保温杯来了，每天陪着你。/);
    assert.match(await text(), /41 \+ 33 个词元/);
    assert.match(await text(), /没有依据的说法[\s\S]*现在只要99元。\s+99元：没有依据/);
    assert.match(await text(), /电话 13800138000/);
    await page.fill("textarea[name=facts]", "拒绝");
    await page.getByRole("button", { name: "试写" }).click();
    await settle();
    assert.match(await text(), /模型拒绝回答：抱歉，这个不能写。/);
    assert.doesNotMatch(await text(), /没有依据的说法/);
    await page.fill("textarea[name=facts]", "503");
    await page.getByRole("button", { name: "试写" }).click();
    await page.locator(".problem").waitFor();
    assert.match(await text(), /answered 503/);
  }, { expected: [/503/] }));

test("drift is told in words, by day, and for the window that is asked for", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/models");
    await page.getByRole("button", { name: "看漂移" }).first().click();
    await settle();
    assert.match(await text(), /已明显变化[\s\S]*560 条文本，训练时 9,600 条/);
    assert.match(await text(), /结论\s+0\.31\s+已明显变化/);
    assert.match(await text(), /每天的 PSI/);
    assert.match(await text(), /漂移告警：\d{4}-\d\d-\d\d 起，结论 的 PSI 超过 0\.25（最近 \d{4}-\d\d-\d\d：0\.31）/);
    const asked = page.waitForRequest(/drift\?window=30d/);
    await page.locator("select[name=window]").selectOption("30d");
    await asked;
    await settle();
    assert.match(await text(), /2,400 条文本/);
    await page.screenshot({ path: join(kOut, "zh-models-drift.png"), fullPage: true });
    await page.locator("select[name=window]").selectOption("last");
    await settle();
    assert.ok(!(await text()).includes("每天的 PSI"));
  }));

test("near-duplicates are grouped, with what differs, out of pasted lines or a file", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/models");
    await page.getByRole("tab", { name: "近似文本" }).click();
    await settle();
    assert.ok(await page.getByRole("button", { name: "查找近似文本" }).isDisabled());
    await page.fill("textarea[name=duplicates]", "今天的外卖送得很快味道不错\n\n完全不同的一句话而已\n今天的外卖送得真快味道不错");
    assert.match(await text(), /3 条文本 · 跳过了 1 行/);
    const asked = page.waitForRequest(/v1\/duplicates$/);
    await page.getByRole("button", { name: "查找近似文本" }).click();
    assert.deepEqual((await asked).postDataJSON(), { texts: ["今天的外卖送得很快味道不错", "完全不同的一句话而已", "今天的外卖送得真快味道不错"], similarity: 0.7, most: 10 });
    await settle();
    assert.match(await text(), /1 组近似文本，共 2 条，占 66\.7 %/);
    assert.equal(await page.locator(".difference ins").innerText(), "真");
    assert.equal(await page.locator(".difference del").innerText(), "很");
    const saved = page.waitForEvent("download");
    await page.getByRole("button", { name: "CSV" }).click();
    assert.match(await readFile(await (await saved).path(), "utf8"), /^\ufeff组,序号,文本\r\n1,1,今天的外卖送得很快味道不错\r\n1,3,/);
    await page.locator("input[name=file]").setInputFiles({ name: "评论.csv", mimeType: "text/csv", buffer: Buffer.from("编号,评论\n1,\"很好，推荐\"\n2,\"很好，推荐\"\n3,不好\n") });
    await settle();
    assert.equal(await page.locator("select[name=column]").inputValue(), "1");
    await page.getByRole("button", { name: "查找近似文本" }).click();
    await settle();
    assert.match(await text(), /文字相同/);
    await page.locator("input[name=file]").setInputFiles({ name: "gbk.txt", mimeType: "text/plain", buffer: Buffer.from([0xba, 0xc3, 0x0a]) });
    await settle();
    assert.match(await text(), /不是 UTF-8/);
    await page.getByRole("button", { name: "在索引中查找" }).first().click();
    await settle();
    assert.match(await text(), /reviews：找到 2 条[\s\S]*review-18827\s+79/);
    await page.fill("input[name=index]", "titles");
    await page.getByRole("button", { name: "新建索引" }).click();
    await page.locator(".problem").waitFor();
    assert.match(await text(), /is there already/);
  }, { expected: [/409/] }));

test("a file of texts is analysed in a run, and its result removed", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/models");
    await page.getByRole("tab", { name: "批量分析" }).click();
    await settle();
    assert.match(await text(), /三月评论\.csv\s+行数 12,041 · 有误的行 18/);
    assert.equal(await page.locator("a[download]").getAttribute("download"), "三月评论.csv.jsonl");
    await page.locator("input[name=texts]").setInputFiles({ name: "评论.csv", mimeType: "text/csv", buffer: Buffer.from("编号,评论\n1,好\n") });
    await page.fill("input[name=column]", "评论");
    await page.fill("input[name=id]", "编号");
    await page.getByLabel("关键词").check();
    const asked = page.waitForRequest((one) => one.method() === "POST" && one.url().includes("/v1/analyze/files"));
    await page.getByRole("button", { name: "开始分析" }).click();
    const query = new URL((await asked).url()).searchParams;
    assert.deepEqual([query.get("name"), query.get("column"), query.get("id")], ["评论.csv", "评论", "编号"]);
    assert.match(query.get("tasks"), /keywords/);
    await settle();
    assert.match(await text(), /批量分析文本/);
    await page.getByRole("button", { name: "取消任务" }).click();
    await settle();
    await page.getByRole("button", { name: "删除" }).last().click();
    await page.locator("dialog").getByRole("button", { name: "删除" }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
    await settle();
    assert.ok(!(await text()).includes("三月评论.csv"));
  }));

test("the phone menu opens, leads on and closes", () =>
  withConsole(async ({ page, settle }) => {
    assert.ok(!(await page.locator("nav.side").isVisible()));
    await page.getByRole("button", { name: "主菜单" }).click();
    await page.screenshot({ path: join(kOut, "zh-phone-menu.png") });
    await page.locator("nav.side").getByText("人群分组").click();
    await settle();
    assert.match(page.url(), /segments/);
    assert.ok(!(await page.locator("nav.side").isVisible()));
  }, kPhone));

test("a person's list is followed from its sources, and two versions of it compared", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/recommend");
    await page.locator("tbody button").first().click();
    await settle();
    assert.match(page.url(), /person=p_/);
    const shown = await text();
    assert.match(shown, /候选内容\s+61/);
    assert.match(shown, /已经接触过\s+21/);
    assert.match(shown, /因为你读过《/);
    assert.match(shown, /名单第 \d+ 位/);
    await page.getByRole("tab", { name: /热门/ }).click();
    assert.match(await text(), /缺货/);
    await page.locator("select").nth(2).selectOption("recommend-1");
    await page.getByRole("button", { name: "查看推荐" }).click();
    await settle();
    assert.match(await text(), /两个版本的名单[\s\S]*(▲|▼|新出现)/);
    // A link brings the same page again.
    const link = page.url().split("#")[1];
    await open(link);
    assert.match(await text(), /两个版本的名单/);
    await page.locator(".link").first().click();
    await settle();
    assert.match(await page.locator("dialog").innerText(), /相似内容/);
    await page.keyboard.press("Escape");
    await page.fill("input[name=person]", "p_nobody");
    await page.getByRole("button", { name: "查看推荐" }).click();
    await page.locator(".state-problem").waitFor();
    assert.match(await text(), /there is no such thing/);
  }, { expected: [/404.*p_nobody/] }));

test("items are found by status, looked into and edited", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/items");
    await page.locator("select").nth(1).selectOption("out_of_stock");
    await settle();
    assert.equal(await page.locator("tbody tr").count(), 1);
    assert.match(await text(), /共 1 项/);
    await page.locator("tbody .link").click();
    await settle();
    const dialog = page.locator("dialog");
    assert.match(await dialog.innerText(), /缺货/);
    assert.equal(await dialog.locator(".chart canvas").count(), 1);
    await dialog.getByRole("button", { name: "编辑" }).click();
    await dialog.locator("input").first().fill("为什么?");
    await dialog.getByRole("button", { name: "保存" }).click();
    await dialog.locator(".problem").waitFor();
    await dialog.locator("input").first().fill("新的标题");
    await dialog.getByRole("button", { name: "保存" }).click();
    await dialog.getByRole("heading", { name: "新的标题" }).waitFor();
    await page.keyboard.press("Escape");
    await settle();
    assert.match(await page.locator("tbody").innerText(), /新的标题/);
    await page.fill("input[type=search]", "没有这样的");
    await page.getByRole("button", { name: "搜索" }).click();
    await settle();
    assert.match(await text(), /没有符合条件的内容/);
  }, { expected: [/400.*\/v1\/items/] }));

test("an editors' list is filled, put in order, saved and removed", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/items");
    await page.getByRole("link", { name: "编辑精选" }).click();
    await settle();
    assert.match(await text(), /春茶上新[\s\S]*使用中\s+6 \/ 10[\s\S]*缺货 1[\s\S]*内容库中没有 1/);
    await page.getByRole("link", { name: "春茶上新" }).click();
    await settle();
    const rows = page.locator("ol.items li");
    const first = await rows.first().locator(".link").innerText();
    await page.getByRole("button", { name: "第 1 项下移" }).click();
    assert.equal(await rows.nth(1).locator(".link").innerText(), first);
    await rows.nth(1).dragTo(rows.nth(4));
    assert.equal(await rows.nth(4).locator(".link").innerText(), first);
    await rows.last().getByRole("button", { name: "移出" }).click();
    assert.equal(await rows.count(), 9);
    await page.fill("input[name=find]", "基金");
    await page.getByRole("button", { name: "加入", exact: true }).first().waitFor();
    await page.getByRole("button", { name: "加入", exact: true }).first().click();
    assert.equal(await rows.count(), 10);
    assert.match(await text(), /已在清单中/);
    await page.fill("input[name=name]", "春茶?");
    await page.getByRole("button", { name: "保存" }).click();
    await page.locator(".problem").waitFor();
    await page.fill("input[name=name]", "春茶与咖啡");
    await page.fill("input[name=share]", "25");
    const saved = page.waitForRequest((one) => one.method() === "PUT");
    await page.getByRole("button", { name: "保存" }).click();
    const request = await saved;
    assert.equal(request.headers()["if-match"], "3");
    const body = request.postDataJSON();
    assert.deepEqual([body.share, body.name, body.items.length, Object.keys(body.items[0]).join()], [0.25, "春茶与咖啡", 10, "kind,id"]);
    await page.getByRole("heading", { name: "春茶与咖啡" }).waitFor();
    await page.locator("header.head").getByRole("button", { name: "删除" }).click();
    await page.locator("dialog").getByRole("button", { name: "删除" }).click();
    await page.waitForURL(/editor-lists$/);
    await settle();
    assert.ok(!(await text()).includes("春茶与咖啡"));
    await page.getByRole("link", { name: "新建清单" }).click();
    await settle();
    assert.ok(await page.getByRole("button", { name: "保存" }).isDisabled());
  }, { expected: [/400.*editor-lists/] }));

test("two versions of the recommender stand beside each other, and one goes back", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/recommend?tab=versions");
    assert.equal(await page.locator("details[open] .chart canvas").count(), 2);
    await page.getByRole("button", { name: "开始比较" }).click();
    await settle();
    assert.match(await text(), /ndcg@10\s+0\.081[\s\S]*乙更好[\s\S]*看不出差别/);
    await page.locator("input[type=number]").fill("50");
    await page.getByRole("button", { name: "开始比较" }).click();
    await settle();
    assert.match(await text(), /至少要 30 人/);
    await page.getByRole("button", { name: "回退到上一版本" }).click();
    await page.locator("dialog").getByRole("button", { name: "回退到上一版本" }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
    await settle();
    assert.match(await page.locator("details[open]").first().innerText(), /recommend-1\s+使用中/);
  }));

test("the map is searched, and says what to do where there is nothing to draw", () =>
  withConsole(async ({ page, settle, open, text }) => {
    await open("/recommend?tab=map");
    assert.equal(await page.locator(".chart canvas").count(), 1);
    await page.fill("input[type=search]", "咖啡");
    assert.match(await text(), /找到 \d+ 项/);
    await page.getByText("以表格查看").click();
    await page.locator("tbody button").first().click();
    await settle();
    assert.match(await page.locator("dialog").innerText(), /咖啡/);
    await page.keyboard.press("Escape");
    await page.locator("select").first().selectOption("factors");
    await settle();
    assert.match(await text(), /训练时设置 factors/);
  }, { expected: [/404.*map/] }));

test("the list of a person follows the address: Back, Forward and a changed link", () =>
  withConsole(async ({ page, settle, open, text }) => {
    const said = () => page.locator("input[name=person]").inputValue();
    const back = () => page.goBack().then(settle);
    const forward = () => page.goForward().then(settle);
    const asked = [];
    page.on("request", (one) => { if (one.url().includes("/inspect")) asked.push(new URL(one.url())); });
    const second = (await page.evaluate(() => fetch("/v1/people?limit=60").then((one) => one.json()))).items.at(-1).id;
    await open("/recommend");
    await page.locator("tbody button").nth(0).click();
    await settle();
    const first = await said();
    assert.notEqual(first, second);
    await page.fill("input[name=person]", second);
    await page.getByText("更多条件").click();
    await page.locator("input[type=number]").nth(1).fill("2");
    await page.locator("select").nth(1).selectOption("recommend-1");
    await page.locator("select").nth(2).selectOption("recommend-2");
    await page.getByRole("button", { name: "查看推荐" }).click();
    await settle();
    assert.ok(page.url().includes(`person=${second}`));
    assert.match(page.url(), /version=recommend-1&with=recommend-2&author_max=2/);
    assert.match(await text(), /两个版本的名单/);
    await page.getByRole("tab", { name: "模型版本" }).click();
    await settle();
    assert.match(page.url(), /tab=versions/);

    await back();
    assert.equal(await said(), second);
    assert.match(await text(), /两个版本的名单/);
    asked.length = 0;
    await back();
    assert.equal(await said(), first);
    assert.ok(asked.length > 0 && asked.every((one) => one.pathname.includes(encodeURIComponent(first))), asked.join(" "));
    assert.doesNotMatch(await text(), /两个版本的名单/);
    assert.equal(await page.locator("select").nth(1).inputValue(), "");
    assert.equal(await page.locator("input[type=number]").nth(1).inputValue(), "");
    await back();
    assert.equal(await said(), "");
    assert.ok((await page.locator("tbody button").count()) > 1, "people to choose from");
    await forward();
    await forward();
    assert.equal(await said(), second);
    assert.equal(await page.locator("select").nth(2).inputValue(), "recommend-2");

    // Somebody puts another address into the line: the page is not made again.
    asked.length = 0;
    await page.evaluate((id) => { location.hash = `#/recommend?person=${encodeURIComponent(id)}&n=3&diversity=0.5`; }, first);
    await settle();
    assert.equal(await said(), first);
    assert.equal(await page.locator("input[type=number]").nth(0).inputValue(), "3");
    assert.equal(await page.locator("input[type=range]").inputValue(), "0.5");
    assert.deepEqual([asked.at(-1).searchParams.get("n"), asked.at(-1).searchParams.get("diversity")], ["3", "0.5"]);
    await page.evaluate(() => { location.hash = "#/recommend?tab=map&by=tags"; });
    await settle();
    assert.equal(await page.locator("select").first().inputValue(), "tags");
    await page.locator("select").nth(1).selectOption("kind");
    await page.waitForURL(/colour=kind/);
    await back();
    assert.equal(await page.locator("select").nth(1).inputValue(), "category");

    await page.evaluate(() => { location.hash = "#/recommend?tab=versions&first=recommend-1&second=recommend-2"; });
    await settle();
    assert.match(await text(), /乙更好/);
    await page.locator("input[type=number]").fill("50");
    await page.getByRole("button", { name: "开始比较" }).click();
    await settle();
    assert.match(await text(), /至少要 30 人/);
    await back();
    assert.match(await text(), /乙更好/);
  }));

test("searches and tabs follow the address too", () =>
  withConsole(async ({ page, settle, open, text }) => {
    const search = () => page.locator("input[type=search]").first();
    const back = () => page.goBack().then(settle);
    const rows = () => page.locator("tbody tr").count();
    await open("/items");
    const all = await rows();
    await page.locator("select").nth(1).selectOption("out_of_stock");
    await settle();
    assert.match(page.url(), /status=out_of_stock/);
    await search().fill("没有这样的");
    await page.getByRole("button", { name: "搜索" }).click();
    await settle();
    assert.match(await text(), /没有符合条件的内容/);
    await back();
    assert.deepEqual([await search().inputValue(), await page.locator("select").nth(1).inputValue(), await rows()], ["", "out_of_stock", 1]);
    await back();
    assert.deepEqual([await page.locator("select").nth(1).inputValue(), await rows()], ["", all]);

    await open("/people");
    await search().fill("p_nobody");
    await page.getByRole("button", { name: "搜索" }).click();
    await settle();
    await back();
    assert.equal(await search().inputValue(), "");
    assert.ok((await rows()) > 1);
    await page.goForward().then(settle);
    assert.equal(await search().inputValue(), "p_nobody");

    await open("/quarantine");
    const held = await rows();
    await search().fill("no-such-source");
    await page.getByRole("button", { name: "筛选" }).click();
    await settle();
    await back();
    assert.deepEqual([await search().inputValue(), await rows()], ["", held]);

    const chosen = () => page.locator("[role=tab][aria-selected=true]").innerText();
    for (const [path, tab] of [["/models", "分析文本"], ["/wechat", "群发任务"]]) {
      await open(path);
      const before = await chosen();
      await page.getByRole("tab", { name: tab }).click();
      await settle();
      assert.match(page.url(), /tab=/);
      assert.equal(await chosen(), tab);
      await back();
      assert.equal(await chosen(), before);
      await page.goForward().then(settle);
      assert.equal(await chosen(), tab);
    }
  }));
