import { onUnmounted, ref, shallowRef } from "vue";
import { call, type Problem } from "../api/client";
import type { SegmentPreview, Tree } from "../api/types";
import { asProblem } from "./load";

const kQuiet_ms = 500;

/** Counts a tree once typing has paused; a newer tree ends the question about an older one. */
export function usePreview() {
  const answer = shallowRef<SegmentPreview | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const busy = ref(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking: AbortController | undefined;

  async function ask(tree: Tree): Promise<void> {
    const mine = new AbortController();
    asking = mine;
    try {
      answer.value = await call<SegmentPreview>("POST", "/v1/segments/preview", { body: { tree }, signal: mine.signal });
      problem.value = null;
    } catch (error) {
      if (mine.signal.aborted) return;
      problem.value = asProblem(error);
    }
    if (asking === mine) busy.value = false;
  }
  /** Null: there is nothing to count at present. */
  function show(tree: Tree | null): void {
    clearTimeout(timer);
    asking?.abort();
    busy.value = tree !== null;
    if (tree) timer = setTimeout(() => void ask(tree), kQuiet_ms);
  }
  onUnmounted(() => show(null));
  return { answer, problem, busy, show };
}
