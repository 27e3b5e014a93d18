//! Messages and types, there and back.

use std::fmt::Debug;
use std::mem::discriminant;

use platform_problem::{Problem, ReceivedProblem};
use prost::Message;
use tonic::Status;
use values::Timestamp;

use super::proto;
use crate::calls::{
    ChangesSince, DeleteProduct, FaultsFound, ForOrder, GetProduct, GetProducts, Outcome, PRODUCTS, ProductsFound,
    ReservationsAfter, STOCK, Sale, Sales, Sell, SellMany,
};
use crate::wire_tests::*;
use crate::*;

/// Through the bytes of a message.
fn comes_back<M, T>(value: &T)
where
    M: Message + Default + From<T>,
    T: TryFrom<M, Error: Debug> + Clone + PartialEq + Debug,
{
    let bytes = M::from(value.clone()).encode_to_vec();
    let message = M::decode(bytes.as_slice()).unwrap();
    assert_eq!(&T::try_from(message).unwrap(), value);
}

#[test]
fn products_come_back_as_they_were() {
    comes_back::<proto::Product, _>(&full_product());
    comes_back::<proto::Product, _>(&bare_product());
    comes_back::<proto::ListProductsResponse, _>(&full_page());
    comes_back::<proto::ListProductsResponse, _>(&ProductPage {
        items: Vec::new(),
        next_cursor: None,
        total: None,
    });
    let items = vec![full_product(), bare_product()];
    comes_back::<proto::BatchGetProductsResponse, _>(&ProductsFound { items });
    let change = |available| Change {
        product_id: id('1'),
        sku: full_product().sku,
        name: "Lamp".to_owned(),
        price: usd(3),
        available,
        for_sale: true,
        version: 4,
        stock_seq: 5,
    };
    comes_back::<proto::ListProductChangesResponse, _>(&ChangesPage {
        items: vec![change(Some(0)), change(None)],
        cursor: "c".to_owned(),
        more: true,
    });
}

#[test]
fn questions_about_products_come_back_as_they_were() {
    comes_back::<proto::ListProductsRequest, _>(&full_query());
    for sort in [Sort::Newest, Sort::Oldest, Sort::Cheapest, Sort::Dearest, Sort::Name] {
        comes_back::<proto::ListProductsRequest, _>(&ListProducts {
            sort: Some(sort),
            ..full_query()
        });
    }
    comes_back::<proto::ListProductsRequest, _>(&ListProducts {
        view: View::Public,
        q: None,
        category: None,
        tag: None,
        family: None,
        min_price: None,
        max_price: None,
        currency: None,
        in_stock: false,
        group_by_family: false,
        sort: None,
        limit: 0,
        cursor: None,
        count: false,
    });
    for view in [View::Public, View::Admin] {
        comes_back::<proto::GetProductRequest, _>(&GetProduct { id: id('1'), view });
        let ids = vec![id('1'), id('2')];
        comes_back::<proto::BatchGetProductsRequest, _>(&GetProducts { ids, view });
    }
    for expected_version in [None, Some(0)] {
        let id = id('1');
        comes_back::<proto::DeleteProductRequest, _>(&DeleteProduct { id, expected_version });
    }
    for cursor in [None, Some(String::new())] {
        comes_back::<proto::ListProductChangesRequest, _>(&ChangesSince { cursor, limit: 9 });
    }
}

#[test]
fn reservations_come_back_as_they_were() {
    for reservation in reservations() {
        comes_back::<proto::Reservation, _>(&reservation);
    }
    comes_back::<proto::ListReservationsResponse, _>(&ReservationPage {
        items: reservations(),
        more: true,
        read_at: Timestamp::from_micros(5),
    });
    let fault = StockFault {
        product_id: id('1'),
        invariant: 3,
        detail: "reserved 1, held 0".to_owned(),
    };
    comes_back::<proto::ListFaultsResponse, _>(&FaultsFound { faults: vec![fault] });
}

#[test]
fn questions_about_stock_come_back_as_they_were() {
    let request = request();
    assert_eq!(
        StockRequest::try_from(proto::ReserveRequest::from(&request)).unwrap(),
        request
    );
    for mode in [SaleMode::Always, SaleMode::OnlyIfFree] {
        let request = request.clone();
        let message = proto::SellRequest::new(&request, mode);
        assert_eq!(Sell::try_from(message).unwrap(), Sell { request, mode });
    }
    let sell = |mode| Sell {
        request: request.clone(),
        mode,
    };
    let orders = vec![sell(SaleMode::Always), sell(SaleMode::OnlyIfFree)];
    comes_back::<proto::SellManyRequest, _>(&SellMany::new(orders).unwrap());
    let reservations = reservations().into_iter().map(Sale::Reservation);
    let sales = reservations.chain([Sale::OtherRequest, Sale::Unavailable]).collect();
    comes_back::<proto::SellManyResponse, _>(&Sales { sales });
    let call = ForOrder { order_id: id('9') };
    comes_back::<proto::ConfirmRequest, _>(&call);
    comes_back::<proto::ReleaseRequest, _>(&call);
    comes_back::<proto::ReturnGoodsRequest, _>(&call);
    for after in [None, Some(id('9'))] {
        comes_back::<proto::ListReservationsRequest, _>(&ReservationsAfter { after, limit: 3 });
    }
    for outcome in [Confirmed::Sold, Confirmed::Gone] {
        comes_back::<proto::ConfirmResponse, _>(&Outcome { outcome });
    }
    for outcome in [Released::Released, Released::AlreadySold] {
        comes_back::<proto::ReleaseResponse, _>(&Outcome { outcome });
    }
    for outcome in [Returned::Returned, Returned::NotSold] {
        comes_back::<proto::ReturnGoodsResponse, _>(&Outcome { outcome });
    }
}

#[test]
fn every_error_comes_back_as_itself() {
    let over_grpc = |problem: Problem| ReceivedProblem::from(&Status::from(problem));
    for error in products_errors() {
        let back = ProductsError::from(over_grpc(Problem::from(&error).of(PRODUCTS)));
        assert_eq!(discriminant(&back), discriminant(&error), "{error} came back as {back}");
    }
    for error in stock_errors() {
        let back = StockError::from(over_grpc(Problem::from(&error).of(STOCK)));
        assert_eq!(discriminant(&back), discriminant(&error), "{error} came back as {back}");
    }
}

fn fault<M, T: TryFrom<M, Error: ToString> + Debug>(message: M) -> String {
    T::try_from(message).unwrap_err().to_string()
}

#[test]
fn a_message_that_holds_what_its_type_cannot_is_refused_with_a_pointer() {
    let product = || proto::Product::from(full_product());
    let refused = |product| fault::<_, Product>(product);
    let unknown = "is not a value that this process knows";
    assert_eq!(
        refused(proto::Product {
            id: "x".to_owned(),
            ..product()
        }),
        "/id: must be a UUID"
    );
    assert_eq!(
        refused(proto::Product {
            price: None,
            ..product()
        }),
        "/price: is missing"
    );
    let money = |amount, currency: &str| {
        let currency = currency.to_owned();
        Some(proto::Money { amount, currency })
    };
    let price = money(-1, "USD");
    assert_eq!(
        refused(proto::Product { price, ..product() }),
        "/price/amount: a total cannot be negative"
    );
    let price = money(1, "usd");
    assert!(refused(proto::Product { price, ..product() }).starts_with("/price/currency: "));
    let option = proto::ProductOption::default();
    let options = vec![option.clone(), option];
    assert_eq!(
        refused(proto::Product { options, ..product() }),
        "/options: the option \"\" stands twice"
    );
    let items = vec![proto::ListedProduct::default()];
    let page = proto::ListProductsResponse {
        items,
        ..Default::default()
    };
    assert_eq!(fault::<_, ProductPage>(page), "/items/0/product: is missing");

    let lines = || proto::ReserveRequest::from(&request()).lines;
    let reserve = |lines| proto::ReserveRequest {
        order_id: id::<values::OrderId>('9').to_string(),
        lines,
    };
    let mut wrong = lines();
    wrong[1].quantity = 1001;
    assert_eq!(
        fault::<_, StockRequest>(reserve(wrong)),
        "/lines/1/quantity: must be between 1 and 1000"
    );
    let mut unsorted = lines();
    unsorted.reverse();
    assert!(fault::<_, StockRequest>(reserve(unsorted)).starts_with("/lines: must have lines sorted"));
    assert!(fault::<_, StockRequest>(reserve(Vec::new())).starts_with("/lines: must have 1 to 100"));
    let sell = proto::SellRequest {
        mode: 7,
        ..proto::SellRequest::new(&request(), SaleMode::Always)
    };
    assert_eq!(fault::<_, Sell>(sell.clone()), format!("/mode: {unknown}"));
    let many = |orders| proto::SellManyRequest { orders };
    assert_eq!(
        fault::<_, SellMany>(many(vec![sell])),
        format!("/orders/0/mode: {unknown}")
    );
    for orders in [0, SellMany::MAX_ORDERS + 1] {
        let orders = vec![proto::SellRequest::new(&request(), SaleMode::Always); orders];
        assert_eq!(fault::<_, SellMany>(many(orders)), "/orders: must be 1 to 64");
    }
    let sales = vec![proto::Sale { outcome: None }];
    assert_eq!(
        fault::<_, Sales>(proto::SellManyResponse { sales }),
        format!("/sales/0/outcome: {unknown}")
    );
    assert_eq!(
        fault::<_, Outcome<Confirmed>>(proto::ConfirmResponse { outcome: 9 }),
        format!("/outcome: {unknown}")
    );
    let mut reservation = proto::Reservation::from(reservations()[0].clone());
    reservation.state = 0;
    assert_eq!(
        fault::<_, Reservation>(reservation.clone()),
        format!("/state: {unknown}")
    );
    reservation.state = 1;
    reservation.refusal = Some(proto::Refusal { reason: None });
    assert_eq!(
        fault::<_, Reservation>(reservation),
        format!("/refusal/reason: {unknown}")
    );
    let ids = vec![id::<values::ProductId>('1').to_string(); 101];
    let many = proto::BatchGetProductsRequest { ids, view: 1 };
    assert_eq!(fault::<_, GetProducts>(many), "/ids: must be at most 100");
    let view = proto::GetProductRequest {
        id: id::<values::ProductId>('1').to_string(),
        view: 3,
    };
    assert_eq!(fault::<_, GetProduct>(view), format!("/view: {unknown}"));
}
