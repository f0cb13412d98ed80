// Adds to TypeDoc: the title of a Markdown page is its heading, its group is its folder, and its links open pages of the
// site.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Converter, PageEvent, ReflectionKind, RendererEvent } from 'typedoc';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const kinds = {
  tutorial: 'Tutorial',
  'how-to': 'How-to',
  reference: 'Reference',
  explanation: 'Explanation',
  decisions: 'Decisions',
  examples: 'Examples',
};

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const text = document.content.map(({ text }) => text).join('');
    document.name = /^# (.*)$/m.exec(text)[1].replaceAll('`', '');
    const file = document.project.files.getReflectionPath(document);
    const folder = relative(root, dirname(file)).split('/');
    document.frontmatter.group = kinds[folder[0] === 'docs' ? folder[1] : folder[0]] ?? 'Overview';
  });
  // The only module is lib/index.ts. Its pages replace API.md.
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_, declaration) => {
    if (!declaration.kindOf(ReflectionKind.Module)) return;
    declaration.name = 'API';
    declaration.project.files.registerReflectionPath(join(root, 'API.md'), declaration);
  });
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => linkPages(project));
  // Marks code that is one word, e.g. the name of a file or field: style.css prevents line breaks in it.
  app.renderer.on(PageEvent.END, (page) => {
    page.contents = page.contents?.replaceAll(/<code>(?=[^\s<]{1,60}<\/code>)/g, '<code class="name">');
  });
  app.renderer.on(RendererEvent.END, ({ outputDirectory }) => {
    for (const fault of deadLinks(outputDirectory)) app.logger.error(fault);
  });
}

/**
 * Corrects two kinds of links. A link to the front page gets the name of its file, because TypeDoc links its folder. A link
 * to a file that is not a page opens the repository, which formats the file: TypeDoc would copy it, and a browser would show
 * its plain text.
 */
function linkPages(project) {
  const pages = [project.readme, ...project.getReflectionsByKind(ReflectionKind.Document).map(({ content }) => content)];
  const copied = new Set();
  for (const link of pages.flat().filter(({ kind }) => kind === 'relative-link')) {
    const to = project.files.resolve(link.target, project);
    if (to === project) {
      link.text = ['../index.html', link.targetAnchor].filter(Boolean).join('#');
      link.target = undefined;
    } else if (typeof to === 'string') {
      link.text = `${repository.url.replace(/\.git$/, '')}/blob/main/${relative(root, to)}`;
      copied.add(link.target);
      link.target = undefined;
    }
  }
  for (const file of copied) project.files.mediaToPath.delete(file);
}

/** Lists the links of the site that open no page, and those to a heading that does not exist. */
function deadLinks(site) {
  const pages = new Map(
    readdirSync(site, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.html'))
      .map((file) => [file, readFileSync(join(site, file), 'utf8')]),
  );
  const faults = [];
  for (const [page, html] of pages) {
    for (const [, href] of html.matchAll(/<a [^>]*?href="([^"]*)"/g)) {
      if (/^https?:/.test(href)) continue;
      const [path, anchor] = decodeURI(href).split('#');
      const to = path === '' ? page : join(dirname(page), path);
      if (!pages.has(to)) faults.push(`${page}: the link ${href} opens no page`);
      else if (anchor && !pages.get(to).includes(` id="${anchor}"`)) faults.push(`${page}: ${to} has no #${anchor}`);
    }
  }
  return [...new Set(faults)];
}
