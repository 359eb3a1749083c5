import type { ImportReport, QualityReport } from "../api/types";

/** The data-quality report in a run's result, or null when it has none (yet). */
export function qualityOf(result: unknown): QualityReport | null {
  if (result === null || typeof result !== "object") return null;
  const quality = (result as Partial<ImportReport>).quality;
  return quality && Array.isArray(quality.columns) ? quality : null;
}

/** Share of the cells of a column that have something in them. */
export function completeness(column: { present: number; missing: number }): number {
  const all = column.present + column.missing;
  return all > 0 ? column.present / all : 0;
}
