import { onMounted, onUnmounted, ref, shallowRef, watch, type Ref, type WatchSource } from "vue";
import { get, kUnreachable, Problem, type CallOptions } from "../api/client";
import type { Page } from "../api/types";

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(kUnreachable, error instanceof Error ? error.message : String(error), "");
}

/** Loads at once and whenever `sources` change; an answer that a newer question overtook is dropped. */
export function useLoad<T>(ask: () => Promise<T>, sources: WatchSource[] = []) {
  const data: Ref<T | null> = shallowRef(null);
  const error = shallowRef<Problem | null>(null);
  const loading = ref(true);
  let asked = 0;

  /** `quiet` keeps what is shown while asking. */
  async function reload(quiet = false): Promise<void> {
    const mine = ++asked;
    if (!quiet) loading.value = true;
    try {
      const answer = await ask();
      if (mine !== asked) return;
      data.value = answer;
      error.value = null;
    } catch (thrown) {
      if (mine === asked) error.value = asProblem(thrown);
    } finally {
      if (mine === asked) loading.value = false;
    }
  }

  if (sources.length) watch(sources, () => void reload());
  void reload();
  return { data, error, loading, reload };
}

/** A list that grows page by page; `page` is the first, with what else it brings. */
export function usePages<T, P extends Page<T> = Page<T>>(path: () => string, query: () => NonNullable<CallOptions["query"]> = () => ({}), sources: WatchSource[] = []) {
  const items: Ref<T[]> = shallowRef([]);
  const next = ref<string | null>(null);
  const more = ref(false);
  const first = useLoad(async () => {
    const page = await get<P>(path(), query());
    items.value = page.items;
    next.value = page.next ?? null;
    return page;
  }, sources);

  async function loadMore(): Promise<void> {
    if (!next.value || more.value) return;
    more.value = true;
    const shown = items.value;
    try {
      const page = await get<Page<T>>(path(), { ...query(), after: next.value });
      if (items.value !== shown) return; // reloaded meanwhile
      items.value = [...shown, ...page.items];
      next.value = page.next ?? null;
    } catch (thrown) {
      first.error.value = asProblem(thrown);
    } finally {
      more.value = false;
    }
  }
  return { items, page: first.data, next, more, loadMore, error: first.error, loading: first.loading, reload: first.reload };
}

/** Calls `tick` every `period_ms` while the page is shown and the tab visible, never twice at once. */
export function useTicker(tick: () => Promise<void> | void, period_ms: number): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let gone = false;
  const next = () => {
    timer = setTimeout(async () => {
      if (!document.hidden) await tick();
      if (!gone) next();
    }, period_ms);
  };
  onMounted(next);
  onUnmounted(() => {
    gone = true;
    clearTimeout(timer);
  });
}
