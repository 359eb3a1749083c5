import { createRouter, createWebHashHistory, type RouteRecordRaw } from "vue-router";
import { may, readSession, session } from "./api/client";

type Needs = "admin" | "operator" | "analyst";
declare module "vue-router" {
  interface RouteMeta {
    /** The least role that sees the page; absent: everybody. */
    needs?: Needs;
    /** Which entry of the menu stands for the page. */
    menu?: string;
  }
}

function page(path: string, needs: Needs, menu: string, component: RouteRecordRaw["component"]): RouteRecordRaw {
  return { path, component, props: true, meta: { needs, menu } } as RouteRecordRaw;
}

export const router = createRouter({
  history: createWebHashHistory(),
  // Another tab or search of the same page stays where it is.
  scrollBehavior: (to, from) => (to.path === from.path ? false : { top: 0 }),
  routes: [
    { path: "/", redirect: "/overview" },
    { path: "/sign-in", component: () => import("./pages/SignIn.vue") },
    page("/overview", "analyst", "overview", () => import("./pages/Overview.vue")),
    page("/people", "analyst", "people", () => import("./pages/People.vue")),
    page("/people/:id", "analyst", "people", () => import("./pages/Person.vue")),
    page("/segments", "analyst", "segments", () => import("./pages/Segments.vue")),
    page("/segments/new", "operator", "segments", () => import("./pages/SegmentEditor.vue")),
    page("/segments/:id", "analyst", "segments", () => import("./pages/SegmentEditor.vue")),
    page("/campaigns", "analyst", "campaigns", () => import("./pages/Campaigns.vue")),
    page("/campaigns/new", "operator", "campaigns", () => import("./pages/CampaignEditor.vue")),
    page("/campaigns/:id", "analyst", "campaigns", () => import("./pages/Campaign.vue")),
    page("/campaigns/:id/edit", "operator", "campaigns", () => import("./pages/CampaignEditor.vue")),
    page("/wechat", "analyst", "wechat", () => import("./pages/Wechat.vue")),
    page("/items", "analyst", "items", () => import("./pages/Items.vue")),
    page("/editor-lists", "analyst", "items", () => import("./pages/EditorLists.vue")),
    page("/editor-lists/new", "operator", "items", () => import("./pages/EditorListPage.vue")),
    page("/editor-lists/:id", "analyst", "items", () => import("./pages/EditorListPage.vue")),
    page("/recommend", "analyst", "recommend", () => import("./pages/Recommend.vue")),
    page("/data", "analyst", "data", () => import("./pages/Data.vue")),
    page("/imports", "operator", "imports", () => import("./pages/Imports.vue")),
    page("/imports/:id", "operator", "imports", () => import("./pages/ImportReport.vue")),
    page("/quarantine", "operator", "quarantine", () => import("./pages/Quarantine.vue")),
    page("/runs", "analyst", "runs", () => import("./pages/Runs.vue")),
    page("/runs/:id", "analyst", "runs", () => import("./pages/RunPage.vue")),
    page("/models", "analyst", "models", () => import("./pages/Models.vue")),
    page("/accounts", "admin", "accounts", () => import("./pages/Accounts.vue")),
    page("/accounts/new", "admin", "accounts", () => import("./pages/AccountWizard.vue")),
    page("/accounts/:id", "admin", "accounts", () => import("./pages/AccountWizard.vue")),
    page("/accounts/:id/rules", "admin", "accounts", () => import("./pages/AccountRules.vue")),
    page("/access", "admin", "access", () => import("./pages/Access.vue")),
    page("/audit", "admin", "audit", () => import("./pages/Audit.vue")),
    page("/doctor", "admin", "doctor", () => import("./pages/Doctor.vue")),
    { path: "/:rest(.*)*", component: () => import("./pages/NotFound.vue") },
  ],
});

router.beforeEach(async (to) => {
  if (!session.known) {
    try {
      await readSession();
    } catch {
      // The sign-in page asks again and shows what is wrong.
    }
  }
  if (to.path === "/sign-in") return session.signed_in && !session.needs_setup ? "/overview" : true;
  if (!session.signed_in) return { path: "/sign-in", query: { to: to.fullPath } };
  if (to.meta.needs && !may(to.meta.needs)) return "/overview";
  return true;
});
