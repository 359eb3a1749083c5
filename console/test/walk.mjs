// Walks every page of the console, in Chinese and English, and takes a picture of each.
//
//   node test/walk.mjs BASE_URL --key KEY --out DIR
//
// Ends with 1 when a page shows an error, logs one, fails a request, or is wider than the window.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launch, openPage } from "./browser.mjs";

/** Signs in through the form, with an admin key; passes by the offer to make a first user. */
export async function signIn({ page, settle }, base, key) {
  await page.goto(`${base}/#/sign-in`);
  await settle();
  const byKey = page.locator("button.switch");
  if (await byKey.count()) await byKey.click();
  await page.fill("input[name=key]", key);
  await page.click("form button.primary");
  await page.locator("input[name=key]").waitFor({ state: "detached" });
  await settle();
  if (page.url().includes("/sign-in")) await page.click("form button[type=button]");
  await page.waitForURL(/overview/);
  await settle();
}

async function ask(page, path) {
  return page.evaluate(async (where) => {
    const response = await fetch(where);
    return response.ok ? response.json() : { items: [] };
  }, path);
}

const encoded = encodeURIComponent;

/** The pages there are, given what the server holds. `[name, path, what to do there]` */
async function pagesOf(page) {
  const items = async (path) => (await ask(page, path)).items ?? [];
  const people = (await items("/v1/people?limit=200")).sort((a, b) => (b.events ?? 0) - (a.events ?? 0));
  const segments = await items("/v1/segments");
  const campaigns = await items("/v1/campaigns?limit=200");
  const runs = await items("/v1/runs?limit=200");
  const accounts = await items("/v1/accounts");
  const list = [["overview", "/overview"], ["people", "/people"]];
  if (people.length) {
    const path = `/people/${encoded(people[0].id)}`;
    const tab = (at) => async ({ page, settle }) => {
      await page.locator(".card [role=tab]").nth(at).click();
      await settle();
    };
    list.push(["person", path], ["person-touches", path, tab(1)], ["person-recommendations", path, tab(2)]);
    if (segments.length) {
      list.push(["person-why", path, async (walker) => {
        await tab(3)(walker);
        const mother = segments.find((one) => JSON.stringify(one.tree).length > 150) ?? segments[0];
        await walker.page.locator("section.flush select").selectOption(mother.id);
        await walker.settle();
      }]);
    }
    if (people.length > 1) list.push(["person-quiet", `/people/${encoded(people.at(-1).id)}`]);
  }
  list.push(["segments", "/segments"], ["segment-new", "/segments/new", preview]);
  for (const one of segments.slice(0, 2)) list.push([`segment-${one.id}`, `/segments/${encoded(one.id)}`, preview]);
  list.push(["campaigns", "/campaigns"], ["campaign-new", "/campaigns/new"]);
  for (const one of campaigns.slice(0, 5)) list.push([`campaign-${one.id}`, `/campaigns/${encoded(one.id)}`]);
  const draft = campaigns.find((one) => (one.state ?? "draft") === "draft");
  if (draft) {
    list.push(["campaign-edit", `/campaigns/${encoded(draft.id)}/edit`]);
    list.push(["campaign-dry-run", `/campaigns/${encoded(draft.id)}`, async ({ page, settle }) => {
      await page.locator("header.head button").filter({ hasText: /^(试运行|Dry run)$/ }).click();
      await settle();
    }]);
  }
  for (const [at, name] of ["quotas", "jobs", "callbacks", "notices", "answers", "health"].entries()) {
    list.push([`wechat-${name}`, "/wechat", async ({ page, settle }) => {
      await page.locator("[role=tab]").nth(at).click();
      await settle();
    }]);
  }
  const library = await items("/v1/items/statistics?limit=1");
  list.push(["items", "/items"]);
  if (library.length) list.push(["item", "/items", async ({ page, settle }) => {
    await page.locator("tbody .link").first().click();
    await settle();
  }]);
  list.push(["editor-lists", "/editor-lists"], ["editor-list-new", "/editor-lists/new"]);
  for (const one of (await items("/v1/recommend/editor-lists")).slice(0, 2)) list.push([`editor-list-${one.id}`, `/editor-lists/${encoded(one.id)}`]);
  list.push(["recommend", "/recommend"]);
  if (people.length) list.push(["recommend-person", `/recommend?person=${encoded(people[0].id)}&n=8&diversity=0.3`], ["recommend-cold", `/recommend?person=${encoded(people.at(-1).id)}`]);
  const versions = await items("/v1/models?kind=recommend");
  if (people.length && versions.length > 1) list.push(["recommend-two", `/recommend?person=${encoded(people[0].id)}&version=${encoded(versions[0].id)}&with=${encoded(versions[1].id)}`]);
  list.push(["recommend-versions", "/recommend?tab=versions", async ({ page, settle }) => {
    const compare = page.locator("form button.primary");
    if (!(await compare.count())) return; // one version
    await compare.click();
    await settle();
  }], ["recommend-map", "/recommend?tab=map"], ["recommend-map-tags", "/recommend?tab=map", async ({ page, settle }) => {
    await page.locator("select").first().selectOption("tags");
    await settle();
  }]);
  list.push(["data", "/data"], ["imports", "/imports"]);
  const imported = runs.find((one) => one.kind === "import" && one.state === "done");
  if (imported) list.push(["import-report", `/imports/${encoded(imported.id)}`]);
  list.push(["quarantine", "/quarantine"], ["runs", "/runs"]);
  if (runs.length) list.push(["run", `/runs/${encoded(runs.find((one) => one.state !== "running")?.id ?? runs[0].id)}`]);
  list.push(["models", "/models"], ...["try", "similar", "duplicates", "files", "writing"].map((name, at) => [`models-${name}`, "/models", modelTab(at + 1)]));
  list.push(["accounts", "/accounts"], ["account-new", "/accounts/new"]);
  if (accounts.length) list.push(["account", `/accounts/${encoded(accounts[0].id)}`], ["account-rules", `/accounts/${encoded(accounts[0].id)}/rules`]);
  list.push(["access-keys", "/access"], ["access-users", "/access", async ({ page, settle }) => {
    await page.locator("[role=tab]").nth(1).click();
    await settle();
  }], ["audit", "/audit"], ["doctor", "/doctor"], ["not-found", "/no-such-page"]);
  return list;
}

/** Opens a tab of the models' page and tries it out with its first example, where it can be. */
function modelTab(at) {
  return async ({ page, settle }) => {
    await page.locator("[role=tab]").nth(at).click();
    await settle();
    const sample = page.locator("form button.quiet").first();
    if (!(await sample.count())) return; // no encoder
    await sample.click();
    await settle();
    const run = page.locator("form button.primary");
    if (await run.isEnabled()) await run.click();
    await settle();
  };
}

/** The count comes half a second after typing has paused. */
async function preview({ page, settle }) {
  await page.waitForSelector("aside .big");
  await settle();
}

async function inspect(walker, name, complain) {
  const found = await walker.page.evaluate(() => ({
    problems: [...document.querySelectorAll(".state-problem")].map((one) => one.textContent?.trim()),
    title: document.querySelector("h1")?.textContent?.trim() ?? "",
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  }));
  for (const text of found.problems) complain(`${name}: shows a problem: ${text}`);
  if (!found.title) complain(`${name}: has no heading`);
  if (found.wide > 1) complain(`${name}: is ${found.wide} px wider than the window`);
}

/** Everything that was wrong, as texts. */
export async function walk(browser, base, { key, out, languages = ["zh", "en"], width = 1440, height = 900, label = "" }) {
  const wrong = [];
  let visited = 0;
  mkdirSync(out, { recursive: true });
  for (const language of languages) {
    const walker = await openPage(browser, { width, height, language });
    try {
      await signIn(walker, base, key);
      for (const [name, path, act] of await pagesOf(walker.page)) {
        const tag = `${language}${label}-${name}`;
        try {
          await walker.page.goto("about:blank"); // a fresh start, not a change of the fragment
          await walker.page.goto(`${base}/#${path}`);
          await walker.settle();
          await act?.(walker);
          await inspect(walker, tag, (text) => wrong.push(text));
        } catch (error) {
          wrong.push(`${tag}: ${error.message.split("\n")[0]}`);
        }
        await walker.page.screenshot({ path: join(out, `${tag}.png`), fullPage: true });
        ++visited;
      }
    } catch (error) {
      wrong.push(`${language}${label}: ${error.message.split("\n")[0]}`);
    }
    wrong.push(...walker.faults);
    await walker.close();
  }
  return { wrong, visited };
}

function flag(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? process.argv[at + 1] : fallback;
}

async function main() {
  const base = process.argv[2]?.replace(/\/$/, "");
  const key = flag("key");
  if (!base?.startsWith("http") || !key) {
    console.error("usage: node test/walk.mjs BASE_URL --key KEY [--out DIR]\nexample: node test/walk.mjs http://127.0.0.1:8080 --key zk_… --out build/screenshots");
    process.exit(2);
  }
  const browser = await launch();
  const { wrong, visited } = await walk(browser, base, { key, out: flag("out", "build/screenshots") });
  await browser.close();
  for (const text of wrong) console.error(text);
  console.log(`${visited} pages, ${wrong.length} faults`);
  process.exit(wrong.length || !visited ? 1 : 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
