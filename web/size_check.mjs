// Fails when the dashboard's files, gzipped, outgrow their budget.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const kBudget = 100_000;
const filesUnder = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesUnder(path) : [path];
  });

let total = 0;
for (const path of filesUnder('dist').filter((p) => p.endsWith('.gz'))) {
  const bytes = statSync(path).size;
  total += bytes;
  console.log(`${String(bytes).padStart(8)}  ${path.slice(0, -3)}`);
}
console.log(`${String(total).padStart(8)}  gzip in all, budget ${kBudget}`);
if (total === 0 || total > kBudget) process.exit(1);
