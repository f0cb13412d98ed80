// What TypeDoc does not know of Markdown pages: their title is their heading, and their folder is their kind.
import { Converter } from 'typedoc';

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
}
