// A program that writes lib/monitoring/dashboard-model.ts.
import { writeFileSync } from 'fs';
import { join } from 'path';
import { format, resolveConfig } from 'prettier';
import { dashboardModel } from './dashboard';

const FILE = join(__dirname, '../../lib/monitoring/dashboard-model.ts');

async function dashboardText(): Promise<string> {
  const text = [
    '// Longer than 250 lines: it is generated.',
    '// Generated from docs/generate/dashboard-panels.ts by `npm run dashboard`.',
    `export const DASHBOARD: object = ${JSON.stringify(dashboardModel())};\n`,
  ].join('\n');
  return format(text, { ...(await resolveConfig(FILE)), filepath: FILE });
}

void dashboardText().then((text) => writeFileSync(FILE, text));
