// Questions about KPIs as POST /api/v1/kpis/query takes them.
import { t } from '../messages/messages';
import { ApiError, post } from './client';
import type { ApiErrorBody, KpiAnswer, TileDefinition } from './types';

export type Question = Record<string, string | number>;
export type Answered = KpiAnswer | { error: ApiErrorBody };

export const kMostRows = 10_000; // the server's `top` goes this far

// One answer a question, in order; what fails as a whole fails for each.
export async function ask(queries: Question[]): Promise<Answered[]> {
  if (queries.length === 0) return [];
  try {
    const { answers } = await post<{ answers: Answered[] }>('/api/v1/kpis/query', {
      queries,
    });
    return answers;
  } catch (cause) {
    const { code, message } = cause as ApiError;
    return queries.map(() => ({ error: { code, message } }));
  }
}

// All of them, or what is wrong with the first that failed.
export async function answersTo(queries: Question[]): Promise<KpiAnswer[]> {
  return (await ask(queries)).map((answer) => {
    if ('error' in answer) throw new ApiError(answer.error.code, answer.error.message, 400);
    return answer;
  });
}

export async function askOne(query: Question): Promise<KpiAnswer> {
  const [answer] = await answersTo([query]);
  if (!answer) throw new ApiError('http', t('error.unreadable'), 502);
  return answer;
}

// By days where a long range has too many hours.
export const kTooFine = /too fine/;
export const askSeries = (query: Question): Promise<KpiAnswer> =>
  askOne(query).catch((cause: Error) => {
    if (!kTooFine.test(cause.message)) throw cause;
    return askOne({ ...query, grain: 'day' });
  });

// What the event stream would ask for a tile.
export function questionsOf(
  tile: TileDefinition,
  view: Record<string, string>,
): Question[] {
  const { grain, ...rest } = view;
  const own = tile.show === 'line' ? grain || tile.grain || 'hour' : tile.grain;
  const question: Question = {
    ...rest,
    ...(own ? { grain: own } : {}),
    ...(tile.by ? { by: tile.by, top: tile.top ?? 10 } : {}),
    ...(tile.show === 'heatmap' ? { by: '__weekday,__hour', order: 'name' } : {}),
  };
  if (tile.steps) return tile.steps.map((step) => ({ kpi: step.kpi, ...question }));
  return tile.kpi ? [{ kpi: tile.kpi, ...question }] : [];
}

// The tile's answer from those to questionsOf().
export function together(answers: Answered[]): Answered | null {
  const failed = answers.find((answer) => 'error' in answer);
  if (failed) return failed;
  if (answers.length < 2) return answers[0] ?? null;
  return { steps: answers as KpiAnswer[] } as KpiAnswer;
}
