import { reactive, ref, shallowRef } from "vue";
import type { Problem } from "../api/client";
import { asProblem } from "./load";

export const toasts = reactive<{ id: number; text: string; bad: boolean }[]>([]);
let lastToast = 0;

export function toast(text: string, bad = false): void {
  const id = ++lastToast;
  toasts.push({ id, text, bad });
  setTimeout(() => {
    const at = toasts.findIndex((one) => one.id === id);
    if (at >= 0) toasts.splice(at, 1);
  }, bad ? 7000 : 3500);
}

/** One thing at a time that a button does: busy while it runs, the problem when it failed. */
export function useAction() {
  const busy = ref(false);
  const problem = shallowRef<Problem | null>(null);

  /** True when `work` succeeded. */
  async function run(work: () => Promise<unknown>, done = ""): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    problem.value = null;
    try {
      await work();
      if (done) toast(done);
      return true;
    } catch (thrown) {
      problem.value = asProblem(thrown);
      return false;
    } finally {
      busy.value = false;
    }
  }
  return { busy, problem, run };
}

export async function copy(text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard without TLS: the old way still works there.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(done);
}
