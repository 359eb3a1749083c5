import { reactive, shallowRef, watch } from "vue";
import { useRoute, useRouter, type LocationQueryValue } from "vue-router";

/** What a page shows, kept in the query of its address under the names of `usual`, which are left out at their usual value.
 *
 * `shown` follows the address: a link, Back and Forward change it, with `form` for the inputs. `go` writes the form into
 * the address as a new step of history and tells whether that changed anything. Other names of the query stay as they are. */
export function useAddress<Name extends string>(usual: Record<Name, string>) {
  type Values = Record<Name, string>;
  const route = useRoute();
  const router = useRouter();
  const here = route.path;
  const names = Object.keys(usual) as Name[];
  const made = (value: (name: Name) => string) => Object.fromEntries(names.map((name) => [name, value(name)])) as Values;
  const first = (value: LocationQueryValue | LocationQueryValue[] | undefined) => (Array.isArray(value) ? value[0] : value);
  const read = () => made((name) => first(route.query[name]) ?? usual[name]);
  const same = (a: Values, b: Values) => names.every((name) => a[name] === b[name]);

  const shown = shallowRef<Values>(read());
  const form = reactive(read()) as Values;
  watch(() => route.query, () => {
    if (route.path !== here) return; // on the way to another page
    const next = read();
    Object.assign(form, next);
    if (!same(next, shown.value)) shown.value = next;
  });

  function go(changes: Partial<Values> = {}): boolean {
    Object.assign(form, changes);
    const next = made((name) => String(form[name] ?? "").trim()); // inputs of numbers hold numbers
    Object.assign(form, next);
    if (same(next, shown.value)) return false;
    const others = Object.entries(route.query).filter(([name]) => !(name in usual));
    const kept = names.filter((name) => next[name] !== usual[name] && (next[name] !== "" || usual[name] !== "")).map((name) => [name, next[name]]);
    void router.push({ query: Object.fromEntries([...others, ...kept]) });
    return true;
  }
  return { shown, form, go };
}
