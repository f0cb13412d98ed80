import { databaseUri } from '../../lib/database/database-client';

describe('the URI of the database', () => {
  test('contains at most the name of the database', () => {
    expect(databaseUri()).toMatch(/^postgresql\+psycopg2:\/\/\?/);
    expect(databaseUri('mlflow_auth')).toMatch(/^postgresql\+psycopg2:\/\/\/mlflow_auth\?/);
  });

  test('sets TCP keepalives, so that lost connections end', () => {
    const options = new URLSearchParams(databaseUri().split('?')[1]);
    expect(Object.fromEntries(options)).toMatchObject({ keepalives_idle: '20', tcp_user_timeout: '20000' });
  });

  test('has no special character of .ini files or shells', () => {
    expect(databaseUri('mlflow_auth')).not.toMatch(/[%$'"\s]/);
  });
});
