// What TypeDoc does not know: the title of a Markdown page is its heading, and its kind is its folder.
import { Converter, ReflectionKind } from 'typedoc';

const kinds = {
  tutorial: 'Tutorial',
  'how-to': 'How-to',
  reference: 'Reference',
  explanation: 'Explanation',
  decisions: 'Decisions',
};

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const text = document.content.map(({ text }) => text).join('');
    document.name = /^# (.*)$/m.exec(text)[1].replaceAll('`', '');
    const file = document.project.files.getReflectionPath(document);
    document.frontmatter.group = kinds[file.split('/').at(-2)];
  });
  // There is one module: lib/index.ts.
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_, declaration) => {
    if (declaration.kindOf(ReflectionKind.Module)) declaration.name = 'API';
  });
}
