import { shallowRef } from "vue";
import { get } from "../api/client";
import type { FeatureList } from "../api/types";
import { language, word } from "../i18n";
import { unitOf, type Unit } from "../lib/format";

/** What segments may look at, asked once per visit of a page that needs it and kept for the words. */
const known = shallowRef<FeatureList | null>(null);
let asking: Promise<FeatureList> | null = null;

export function readVocabulary(): Promise<FeatureList> {
  asking ??= get<FeatureList>("/v1/features")
    .then((list) => (known.value = list))
    .finally(() => (asking = null));
  return asking;
}

const feature = (name: string) => known.value?.features.find((one) => one.name === name);

/** The server's words for a feature once they are known, else its name. */
export function featureWords(name: string): string {
  const told = feature(name);
  const help = language.value === "en" ? told?.help_en || told?.help : told?.help;
  // Money is shown in yuan here, whatever unit the words name.
  return help?.replace(/（分）|,? in fen/, "") || word("feature", name);
}

export function featureUnit(name: string): Unit {
  return unitOf(name, feature(name)?.unit);
}
