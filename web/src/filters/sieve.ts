// A breakdown whose rows pass the filters on values. The server has no such
// filter, so all rows are asked for and sieved here; what stands for the whole
// stays the server's own.
import { answersTo, kMostRows, type Question } from '../api/questions';
import type { KpiAnswer, KpiDefinition, Sieve } from '../api/types';
import { t } from '../messages/messages';
import { addsUp } from '../tiles/ranked';
import { measureQuestion, measuresFor, passing, type Measure } from './measure';

const unasked = (foreign: Measure[]) => ({ passed: null, all: 0, cut: false, adds: false, foreign });

// `question` has `kpi` and `by`; of the rows that pass, `top` are kept.
export async function sieved(
  question: Question,
  top: number,
  measures: Measure[],
  kpis: Map<string, KpiDefinition>,
): Promise<KpiAnswer> {
  const by = String(question.by);
  const { usable, foreign } = measuresFor(measures, by, kpis);
  const [whole, ...values] = await answersTo([
    { ...question, top: usable.length > 0 ? kMostRows : top },
    ...usable.map((measure) => measureQuestion(measure, by, question, kMostRows)),
  ]);
  if (!whole) throw new Error(t('error.unreadable'));
  if (usable.length === 0) {
    return foreign.length > 0 ? { ...whole, sieve: unasked(foreign) } : whole;
  }
  const { has, cut } = passing(usable, values, by);
  const rows = (whole.rows ?? []).filter(has);
  const left = whole.rest?.count ?? 0;
  return {
    ...whole,
    rows: rows.slice(0, top),
    rest: null,
    sieve: {
      passed: rows.length,
      all: (whole.rows?.length ?? 0) + left,
      cut: cut || left > 0,
      adds: addsUp(whole),
      foreign,
    },
  };
}

// The same for rows that are put together from several answers.
export async function sievedRows<Row extends { name: string }>(
  rows: Row[],
  left: number, // rows that are missing already
  question: Question,
  measures: Measure[],
  kpis: Map<string, KpiDefinition>,
): Promise<{ rows: Row[]; sieve: Sieve | null }> {
  const by = String(question.by);
  const { usable, foreign } = measuresFor(measures, by, kpis);
  if (usable.length === 0) {
    return { rows, sieve: foreign.length > 0 ? unasked(foreign) : null };
  }
  const answers = await answersTo(
    usable.map((measure) => measureQuestion(measure, by, question, kMostRows)),
  );
  const { has, cut } = passing(usable, answers, by);
  const kept = rows.filter(({ name }) => has({ [by]: name }));
  const all = rows.length + left;
  return {
    rows: kept,
    sieve: { passed: kept.length, all, cut: cut || left > 0, adds: false, foreign },
  };
}
