import ts from 'typescript'

/** A small change of one place. */
export interface Mutant {
  readonly id: number
  readonly file: string
  readonly line: number
  /** What becomes what. */
  readonly change: string
}

export interface Instrumented {
  /** TypeScript that holds every mutant; `globalThis.mutant(id)` says whether one is switched on. */
  readonly code: string
  readonly mutants: readonly Mutant[]
}

/** What each operator becomes. */
const OPERATORS: Partial<Record<ts.SyntaxKind, ts.BinaryOperator>> = {
  [ts.SyntaxKind.LessThanToken]: ts.SyntaxKind.LessThanEqualsToken,
  [ts.SyntaxKind.LessThanEqualsToken]: ts.SyntaxKind.LessThanToken,
  [ts.SyntaxKind.GreaterThanToken]: ts.SyntaxKind.GreaterThanEqualsToken,
  [ts.SyntaxKind.GreaterThanEqualsToken]: ts.SyntaxKind.GreaterThanToken,
  [ts.SyntaxKind.EqualsEqualsEqualsToken]: ts.SyntaxKind.ExclamationEqualsEqualsToken,
  [ts.SyntaxKind.ExclamationEqualsEqualsToken]: ts.SyntaxKind.EqualsEqualsEqualsToken,
  [ts.SyntaxKind.PlusToken]: ts.SyntaxKind.MinusToken,
  [ts.SyntaxKind.MinusToken]: ts.SyntaxKind.PlusToken,
  [ts.SyntaxKind.AsteriskToken]: ts.SyntaxKind.SlashToken,
  [ts.SyntaxKind.SlashToken]: ts.SyntaxKind.AsteriskToken,
  [ts.SyntaxKind.PercentToken]: ts.SyntaxKind.AsteriskToken,
  [ts.SyntaxKind.AmpersandToken]: ts.SyntaxKind.BarToken,
  [ts.SyntaxKind.BarToken]: ts.SyntaxKind.AmpersandToken,
  [ts.SyntaxKind.CaretToken]: ts.SyntaxKind.AmpersandToken,
  [ts.SyntaxKind.LessThanLessThanToken]: ts.SyntaxKind.GreaterThanGreaterThanToken,
  [ts.SyntaxKind.GreaterThanGreaterThanToken]: ts.SyntaxKind.LessThanLessThanToken,
  [ts.SyntaxKind.GreaterThanGreaterThanGreaterThanToken]: ts.SyntaxKind.LessThanLessThanToken,
  [ts.SyntaxKind.AmpersandAmpersandToken]: ts.SyntaxKind.BarBarToken,
  [ts.SyntaxKind.BarBarToken]: ts.SyntaxKind.AmpersandAmpersandToken,
  [ts.SyntaxKind.QuestionQuestionToken]: ts.SyntaxKind.AmpersandAmpersandToken,
}

function isFallbackOfElement({ parent }: ts.Node): boolean {
  return (
    ts.isBinaryExpression(parent) &&
    parent.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken &&
    ts.isElementAccessExpression(parent.left)
  )
}

/** Puts every mutant of a file into it: operators, conditions, returned values, literals, statements left out. */
export function instrument(file: string, text: string, firstId: number): Instrumented {
  const mutants: Mutant[] = []
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const f = ts.factory

  const isOn = (node: ts.Node, change: string): ts.Expression => {
    const id = firstId + mutants.length
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
    mutants.push({ id, file, line, change })
    const call = f.createPropertyAccessExpression(f.createIdentifier('globalThis'), 'mutant')
    return f.createCallExpression(call, undefined, [f.createNumericLiteral(id)])
  }
  const textOf = (node: ts.Node) => node.getText(source).replace(/\s+/g, ' ').slice(0, 60)
  const either = (node: ts.Node, change: string, mutated: ts.Expression, original: ts.Expression): ts.Expression =>
    f.createParenthesizedExpression(
      f.createConditionalExpression(isOn(node, change), undefined, mutated, undefined, original),
    )
  const bool = (value: boolean) => (value ? f.createTrue() : f.createFalse())

  const transformer: ts.TransformerFactory<ts.SourceFile> = (context) => {
    const children = <Node extends ts.Node>(node: Node): Node => ts.visitEachChild(node, visit, context)
    const condition = (node: ts.Expression, values: readonly boolean[]): ts.Expression =>
      values.reduce<ts.Expression>(
        (whole, value) => either(node, `${textOf(node)} -> ${value}`, bool(value), whole),
        ts.visitNode(node, visit) as ts.Expression,
      )

    function visit(node: ts.Node): ts.Node {
      if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node
      if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return node
      if (ts.isIfStatement(node)) {
        const [then, otherwise] = [ts.visitNode(node.thenStatement, visit), ts.visitNode(node.elseStatement, visit)]
        return f.updateIfStatement(
          node,
          condition(node.expression, [true, false]),
          then as ts.Statement,
          otherwise as ts.Statement | undefined,
        )
      }
      if (ts.isWhileStatement(node))
        return f.updateWhileStatement(
          node,
          condition(node.expression, [false]),
          ts.visitNode(node.statement, visit) as ts.Statement,
        )
      if (ts.isConditionalExpression(node))
        return f.createParenthesizedExpression(
          f.createConditionalExpression(
            condition(node.condition, [true, false]),
            undefined,
            ts.visitNode(node.whenTrue, visit) as ts.Expression,
            undefined,
            ts.visitNode(node.whenFalse, visit) as ts.Expression,
          ),
        )
      if (ts.isReturnStatement(node) && node.expression && textOf(node.expression) !== 'undefined')
        return f.updateReturnStatement(
          node,
          either(
            node,
            `${textOf(node)} -> nothing`,
            f.createVoidZero(),
            ts.visitNode(node.expression, visit) as ts.Expression,
          ),
        )
      if (ts.isExpressionStatement(node) && !/^super\b/.test(textOf(node))) {
        const leftOut = f.createLogicalNot(isOn(node, `${textOf(node)} -> nothing`))
        // In a block of its own: an `else` that follows belongs to another `if`.
        return f.createBlock([f.createIfStatement(leftOut, f.createBlock([children(node)]))])
      }
      if (ts.isBinaryExpression(node)) {
        const other = OPERATORS[node.operatorToken.kind]
        const whole = children(node)
        if (other === undefined) return whole
        // One mutant at a time is on: what is in a mutant needs none of its own.
        const [left, right] = [f.createParenthesizedExpression(node.left), f.createParenthesizedExpression(node.right)]
        return either(
          node,
          `${textOf(node)}: ${node.operatorToken.getText(source)} -> ${ts.tokenToString(other)}`,
          f.createBinaryExpression(left, other, right),
          f.createParenthesizedExpression(whole),
        )
      }
      if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) {
        const whole = children(node)
        return either(node, `${textOf(node)} without !`, node.operand, whole)
      }
      if (node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword) {
        const value = node.kind === ts.SyntaxKind.TrueKeyword
        return either(node, `${value} -> ${!value}`, bool(!value), bool(value))
      }
      // `bytes[at] ?? 0` is there for the types where `at` is within: of these no other 0 is tried.
      if (ts.isNumericLiteral(node) && isFallbackOfElement(node)) return node
      const isName = (node.parent as { name?: ts.Node } | undefined)?.name === node
      if (ts.isNumericLiteral(node) && !isName)
        return either(node, `${node.text} + 1`, f.createNumericLiteral(Number(node.text) + 1), node)
      if (ts.isStringLiteral(node) && !isName && !ts.isCallExpression(node.parent) && node.text !== '')
        return either(node, `${textOf(node)} -> ''`, f.createStringLiteral(''), node)
      return children(node)
    }
    return (root) => ts.visitEachChild(root, visit, context)
  }
  const [transformed] = ts.transform(source, [transformer]).transformed
  const code = ts.createPrinter().printFile(transformed as ts.SourceFile)
  return { code, mutants }
}
