import type { KpiDefinition } from '../api/types';
import { writeView, type View } from '../dashboard/view';
import { server } from '../state/status.svelte';

// The data sets a KPI is made of: of one that is made of KPIs, theirs.
export function datasetsOf({ dataset, formula = '' }: KpiDefinition): string[] {
  if (dataset) return [dataset];
  return [...formula.matchAll(/\[(\w+)\]/g)].flatMap(([, name = '']) => {
    const part = server.kpis.get(name);
    return part ? datasetsOf(part) : [];
  });
}

// Where a KPI can be explored; '' where nothing is known of it.
export function exploreLink(name: string, view: View): string {
  const kpi = server.kpis.get(name);
  const [dataset] = kpi ? datasetsOf(kpi) : [];
  return dataset ? `/explore/${encodeURIComponent(dataset)}${writeView(view, { kpi: name })}` : '';
}
