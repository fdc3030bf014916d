import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

/**
 * Every export has a doc comment right above it. A comment at the top of a file with a blank line below does not count,
 * and of the overloads of a function the first has the comment.
 */
const exportsHaveDocComments = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: { missing: 'This export has no doc comment that says what it is.' },
  },
  create: (context) => ({
    ExportNamedDeclaration(node) {
      if (!node.declaration || isLaterOverload(node)) return
      const comment = context.sourceCode.getCommentsBefore(node).at(-1)
      const isAbove = comment?.type === 'Block' && comment.loc.end.line === node.loc.start.line - 1
      if (!isAbove || !comment.value.startsWith('*')) context.report({ node, messageId: 'missing' })
    },
  }),
}

function isLaterOverload(node) {
  const before = node.parent.body[node.parent.body.indexOf(node) - 1]
  const name = node.declaration.id?.name
  return before?.declaration?.type === 'TSDeclareFunction' && before.declaration.id?.name === name
}

export default defineConfig(
  { ignores: ['dist/', '.tap/', 'node_modules/'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: 'test/tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_', argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { here: { rules: { 'doc-comments': exportsHaveDocComments } } },
    rules: { 'here/doc-comments': 'error' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // tap itself waits for the promise of t.test.
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
)
