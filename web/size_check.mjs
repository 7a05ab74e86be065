// Fails when the dashboard's files, gzipped, outgrow their budgets: those that a
// first dashboard needs, and all together.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const kFirst = 100_000;
const kAll = 150_000;
const filesUnder = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesUnder(path) : [path];
  });

const page = readFileSync('dist/index.html', 'utf8');
let first = 0;
let all = 0;
for (const path of filesUnder('dist').filter((p) => p.endsWith('.gz'))) {
  const bytes = statSync(path).size;
  const name = path.slice('dist/'.length, -'.gz'.length);
  const early = name === 'index.html' || page.includes(name);
  all += bytes;
  if (early) first += bytes;
  console.log(`${String(bytes).padStart(8)}  ${name}${early ? '' : ' (later)'}`);
}
console.log(`${String(first).padStart(8)}  gzip for a first dashboard, budget ${kFirst}`);
console.log(`${String(all).padStart(8)}  gzip in all, budget ${kAll}`);
if (all === 0 || first > kFirst || all > kAll) process.exit(1);
