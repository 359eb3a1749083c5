import type { ImportReport, QualityReport } from "../api/types";

/** The data-quality report in a run's result, or null when it has none (yet). */
export function qualityOf(result: unknown): QualityReport | null {
  if (result === null || typeof result !== "object") return null;
  const quality = (result as Partial<ImportReport>).quality;
  return quality && Array.isArray(quality.columns) ? quality : null;
}

/** How events of the import are marked in the quarantine. */
export function sourceOf(result: unknown, run: string): string {
  const own = result !== null && typeof result === "object" ? (result as Partial<ImportReport>).run : undefined;
  return `import:${own || run}`;
}

/** Share of the cells of a column that have something in them. */
export function completeness(column: { present: number; missing: number }): number {
  const all = column.present + column.missing;
  return all > 0 ? column.present / all : 0;
}
