// npm run docs:reference writes docs/reference/.
import { mkdirSync, rmSync, writeFileSync } from 'fs';
import { join } from 'path';
import { referencePages } from './pages';

const folder = join(__dirname, '..', 'reference');
const pages = referencePages();
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
for (const [file, text] of Object.entries(pages)) writeFileSync(join(folder, file), text);
